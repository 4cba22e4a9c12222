"""How long training waits for its images."""

import itertools
import time
from collections.abc import MutableMapping

import keras


def _ahead() -> int:
    """Returns how many batches ahead of a step Keras fetches before it runs the step."""
    return 0 if keras.backend.backend() == "tensorflow" else 1


class DataWait(keras.callbacks.Callback):
    """Adds `data_wait` to the history: the fraction of an epoch's time, 0 to 1, in which training waited for images.

    A step waits from the end of the step before it to the time at which the batch that it needs was ready.

    Args:
        ready: Times by `time.perf_counter` at which batches were ready, by global step, as in
            `TrainingBatches.ready`; those of past epochs are removed.
        steps_per_epoch: Steps in one epoch.
    """

    async_safe = True  # Keras then need not wait for the device after each step

    def __init__(self, ready: MutableMapping[int, float], steps_per_epoch: int):
        super().__init__()
        self._ready, self.steps_per_epoch = ready, steps_per_epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._first = epoch * self.steps_per_epoch
        self._ends: dict[int, float] = {}

    def on_train_batch_end(self, batch, logs=None):
        self._ends[self._first + batch] = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        steps = sorted(self._ends)
        waited = 0.0
        for before, step in itertools.pairwise(steps):
            ready = min(self._ready.get(step + _ahead(), 0.0), self._ends[step])
            waited += max(0.0, ready - self._ends[before])
        if logs is not None and len(steps) > 1:
            logs["data_wait"] = waited / (self._ends[steps[-1]] - self._ends[steps[0]])
        for step in steps:
            self._ready.pop(step, None)
