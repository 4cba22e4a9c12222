"""How long the steps take."""

import time

import keras


class Clock(keras.callbacks.Callback):
    """Records the mean seconds of a training step in each epoch, without validation, in `step_seconds`.

    An epoch in which a run goes on counts by the steps that are left of it, and not if none is.
    """

    async_safe = True  # Keras then need not wait for the device after each step

    def __init__(self) -> None:
        super().__init__()
        self.step_seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._executed = self.model.steps_per_execution  # later the model must not be touched: on JAX it is at work
        self._first, self._steps = None, 0
        self._running, self._epoch_start = True, time.perf_counter()

    def on_train_batch_begin(self, batch, logs=None):
        self._first = batch if self._first is None else self._first
        self._steps = batch + self._executed - self._first

    def on_test_begin(self, logs=None):
        self._stop()

    def on_epoch_end(self, epoch, logs=None):
        self._stop()

    def _stop(self) -> None:
        if self._running and self._steps:
            self.step_seconds.append((time.perf_counter() - self._epoch_start) / self._steps)
        self._running = False
