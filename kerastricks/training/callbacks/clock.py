"""How long the epochs take."""

import time

import keras


class Clock(keras.callbacks.Callback):
    """Records the training seconds of each epoch, without validation, in `epoch_seconds`."""

    async_safe = True  # Keras then need not wait for the device after each step

    def __init__(self) -> None:
        super().__init__()
        self.epoch_seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._running, self._epoch_start = True, time.perf_counter()

    def on_test_begin(self, logs=None):
        self._stop()

    def on_epoch_end(self, epoch, logs=None):
        self._stop()

    def _stop(self) -> None:
        if self._running:
            self._running = False
            self.epoch_seconds.append(time.perf_counter() - self._epoch_start)
