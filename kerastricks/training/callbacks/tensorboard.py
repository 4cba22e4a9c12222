"""The history of a run as event files for TensorBoard, on every backend and without TensorFlow."""

import importlib.util
import os
import time
from typing import Any

import keras


def check_tensorboard() -> None:
    """Raises a `ValueError` where tensorboardX, which writes event files, is not installed."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise ValueError(
            "tensorboardX, which writes files for TensorBoard, is not installed. Install it with: "
            "pip install 'kerastricks[tensorboard]', or leave --tensorboard out."
        )


class TensorBoard(keras.callbacks.Callback):
    """Writes all that Keras logs of an epoch: losses, accuracies, `val_…`, and `learning_rate` where it is logged.

    Keras' own `TensorBoard` needs TensorFlow on every backend. Each name is a scalar, each epoch a step, counted from
    0 as in Keras' history. `tensorboard --logdir DIRECTORY` shows it, also while training goes on.

    Args:
        directory: Where the event files go; made when training begins.

    Raises:
        ValueError: If tensorboardX is not installed.
    """

    def __init__(self, directory: str | os.PathLike[str]):
        super().__init__()
        check_tensorboard()
        self.directory = os.fspath(directory)
        self._writer: Any = None

    def on_train_begin(self, logs=None):
        from tensorboardX.event_file_writer import EventsWriter

        os.makedirs(self.directory, exist_ok=True)
        self._writer = EventsWriter(os.path.join(self.directory, "events"))

    def on_epoch_end(self, epoch, logs=None):
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        for name, value in (logs or {}).items():
            self._writer.write_event(Event(wall_time=time.time(), step=epoch, summary=scalar(name, float(value))))
        self._writer.flush()  # a `SummaryWriter` would keep the last epochs of a run that is stopped in its queue

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.close()
            self._writer = None
