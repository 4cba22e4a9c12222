"""Keras callbacks that any training can use."""

from typing import Any

import keras


def rate_at(optimizer: Any, step: int) -> float:
    """Returns the learning rate of the update at `step`; a constant one as it stands now."""
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
