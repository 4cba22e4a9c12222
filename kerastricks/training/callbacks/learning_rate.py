"""The learning rate, in the history and update by update, without a cost in the step."""

from typing import Any

import keras
import numpy as np


def rate_at(optimizer: Any, step: int) -> float:
    """Returns the learning rate of the batch at `step`; a constant one as it stands now."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = optimizer._learning_rate
    value = rate(step) if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule) else rate
    return float(keras.ops.convert_to_numpy(value))


class LearningRateLog(keras.callbacks.Callback):
    """Adds `learning_rate`, the rate of the last update of each epoch, to the history.

    Keras logs none where a schedule sets the rate. The rate is asked for once an epoch, on the host.

    Args:
        steps_per_epoch: Steps in one epoch.
    """

    def __init__(self, steps_per_epoch: int):
        super().__init__()
        self.steps_per_epoch = steps_per_epoch

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = rate_at(self.model.optimizer, (epoch + 1) * self.steps_per_epoch - 1)


class LearningRateRecorder(keras.callbacks.Callback):
    """Records the learning rate of every update in `learning_rates`.

    The rates of an epoch are asked from the schedule at its end, so that no step waits. Under gradient
    accumulation there is one rate an update. A rate that a callback sets during the epoch is recorded as it stands at
    the end of the epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.learning_rates: list[float] = []

    def on_train_begin(self, logs=None):
        self._seen = self._batches()

    def on_epoch_end(self, epoch, logs=None):
        batches = np.arange(self._seen, self._batches())
        self._seen += len(batches)
        updates = batches[(batches + 1) % (self._optimizer().gradient_accumulation_steps or 1) == 0]
        self.learning_rates += [rate_at(self.model.optimizer, int(batch)) for batch in updates]

    def _optimizer(self) -> Any:
        return getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)

    def _batches(self) -> int:
        return int(keras.ops.convert_to_numpy(self._optimizer()._iterations))
