"""How long training waits for its images."""

import itertools
import time
from collections.abc import MutableMapping

import keras


class DataWait(keras.callbacks.Callback):
    """Adds `data_wait` to the history: the share of an epoch's steps, 0 to 1, in which the device waited for images.

    A step waits from the end of the step before it to the time at which its batch was ready.

    Args:
        ready: Times by `time.perf_counter` at which batches were ready, by global step, as of
            `TrainingBatches.ready`; those of past epochs are removed.
        steps_per_epoch: Steps in one epoch.
    """

    async_safe = True  # Keras then need not wait for the device after each step

    def __init__(self, ready: MutableMapping[int, float], steps_per_epoch: int):
        super().__init__()
        self.ready, self.steps_per_epoch = ready, steps_per_epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._first = epoch * self.steps_per_epoch
        self._ends: dict[int, float] = {}

    def on_train_batch_end(self, batch, logs=None):
        self._ends[self._first + batch] = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        steps = sorted(self._ends)
        pairs = [(before, step) for before, step in itertools.pairwise(steps) if step in self.ready]
        if logs is not None and pairs:
            waited = sum(max(0.0, self.ready[step] - self._ends[before]) for before, step in pairs)
            logs["data_wait"] = waited / (self._ends[steps[-1]] - self._ends[steps[0]])
        for step in steps:
            self.ready.pop(step, None)
