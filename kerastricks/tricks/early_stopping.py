"""Training ends when the validation loss no longer falls."""

import dataclasses

import keras

from kerastricks.training.trick import Trick


class _EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras' `EarlyStopping`, but raises where Keras warns once per epoch and goes on."""

    def get_monitor_value(self, logs):
        if self.monitor not in (logs or {}):
            raise ValueError(
                "EarlyStopping would have no effect: there is no validation loss to watch. "
                "Pass `validation_data=`, or leave EarlyStopping out."
            )
        return super().get_monitor_value(logs)


@dataclasses.dataclass(frozen=True)
class EarlyStopping(Trick):
    """Stops after `patience` epochs without a lower validation loss and restores the best weights.

    The callback is Keras' own `EarlyStopping`.

    Args:
        patience: Epochs to wait for a lower validation loss; at least 1 and fewer than the run has.

    Raises:
        ValueError: If `patience` is below one, or the run is too short for it to act.

    Reference: Prechelt, 1998, "Early stopping - but when?", doi:10.1007/3-540-49430-8_3.
    """

    patience: int = 10

    @property
    def durations(self):
        return ("patience",)

    def __post_init__(self):
        if self.patience < 1:
            raise ValueError(f"`patience` must be at least 1 epoch. Received: patience={self.patience}")

    def check(self, setup):
        epochs = setup.plan.epochs
        if self.patience >= epochs:
            raise ValueError(
                f"EarlyStopping would have no effect: it waits {self.patience} epochs and the run has {epochs}. "
                "Lower `patience`, train for more epochs, or leave EarlyStopping out."
            )

    def callbacks(self, callbacks, plan):
        return [*callbacks, _EarlyStopping(patience=self.patience, restore_best_weights=True)]
