"""The history of a run as a CSV file that is whole at any time, also where the run goes on after it was stopped."""

import csv
import io
import os
import warnings
from pathlib import Path

import keras

from kerastricks.data import atomic


class HistoryFile(keras.callbacks.Callback):
    """Writes a row for each epoch, as Keras' `CSVLogger` does, and the file anew each time.

    Keras' own adds rows: a run that goes on from an earlier epoch would find its last epochs there twice.

    Args:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]):
        super().__init__()
        self._path = Path(path)
        self.rows: list[dict[str, float]] = []

    def on_train_begin(self, logs=None):
        self.rows = []

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}})
        names = sorted({name for row in self.rows for name in row} - {"epoch"})
        text = io.StringIO()
        writer = csv.DictWriter(text, ["epoch", *names], lineterminator="\n", restval="NA")
        writer.writeheader()
        writer.writerows(self.rows)
        try:
            atomic.write_text(self._path, text.getvalue())
        except OSError as error:  # no reason to lose the training
            warnings.warn(f"{self._path} could not be written: {error.strerror}. Training goes on.", stacklevel=2)
