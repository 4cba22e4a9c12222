"""The learning rate per epoch in the history, and per update, without a cost in the step."""

from typing import Any

import keras


class LearningRateLog(keras.callbacks.Callback):
    """Adds `learning_rate`, the rate of the last update of each epoch, to the history of an `Engine`.

    Keras logs none where a schedule sets the rate. The rate is computed once per epoch, on the host.

    Args:
        steps_per_epoch: Steps in one epoch.
    """

    def __init__(self, steps_per_epoch: int):
        super().__init__()
        self.steps_per_epoch = steps_per_epoch

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = self.model.rate_at((epoch + 1) * self.steps_per_epoch - 1)


class LearningRateRecorder(keras.callbacks.Callback):
    """Records the learning rate of every update in `learning_rates`, in any training.

    The rates of an epoch are computed from the schedule at its end, so that no step waits. Under gradient
    accumulation there is one rate per update. A rate that a callback sets during the epoch is recorded as it stands at
    the end of the epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.learning_rates: list[float] = []

    def on_train_begin(self, logs=None):
        self._schedule = schedule(self.model.optimizer)
        self._seen = self._updates()

    def on_epoch_end(self, epoch, logs=None):
        first, self._seen = self._seen, self._updates()
        batches = self._optimizer().gradient_accumulation_steps or 1
        for update in range(first, self._seen):
            if self._schedule is None:
                rate = self._optimizer().learning_rate
            else:
                rate = self._schedule((update + 1) * batches - 1)
            self.learning_rates.append(float(keras.ops.convert_to_numpy(rate)))

    def _optimizer(self) -> Any:
        return getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)

    def _updates(self) -> int:
        return int(keras.ops.convert_to_numpy(self._optimizer().iterations))


def schedule(optimizer: Any) -> Any:
    """Returns a copy of the schedule that an optimizer follows, or None if its rate is a number."""
    config = getattr(optimizer, "inner_optimizer", optimizer).get_config()["learning_rate"]
    return keras.optimizers.schedules.deserialize(config) if isinstance(config, dict) else None
