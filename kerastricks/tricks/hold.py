"""A plateau before the learning rate decays."""

import dataclasses

import keras

from kerastricks.optimizers.schedules import Phase, UpdateSchedule, check_fits, replace_tail
from kerastricks.training.trick import Trick, check_duration


@keras.saving.register_keras_serializable("kerastricks")
class HoldSchedule(Phase):
    """Holds the rate with which `after` starts for `steps` updates, and then follows `after`.

    Args:
        after: Learning rate that follows: a number, or a schedule whose step 0 comes after the plateau.
        steps: Length of the plateau, in update steps.

    Raises:
        ValueError: If `steps` is below one or a rate is not positive.
    """

    def rate(self, step):
        return self.target


@dataclasses.dataclass(frozen=True)
class Hold(Trick):
    """Holds the learning rate at its peak for a while: between `Warmup` and the decay.

    Args:
        epochs: Length of the plateau, in epochs; a part of an epoch will do.
        steps: Length in update steps, in place of `epochs`.

    Raises:
        ValueError: If the duration is not positive or longer than the run, or if a decay stands before the plateau.
            Also if no decay follows: a constant rate needs no plateau.
    """

    epochs: float = 5
    steps: int | None = None

    def __post_init__(self):
        check_duration("Hold", self.epochs, self.steps)

    def learning_rate(self, learning_rate, plan):
        def make(rate, left):
            return HoldSchedule(rate, check_fits("Hold", plan.duration(self.epochs, self.steps), left))

        return replace_tail(learning_rate, plan.total_steps, make, "Hold")

    def optimizer(self, optimizer, model, plan):
        rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate
        rate = rate.schedule if isinstance(rate, UpdateSchedule) else rate
        while isinstance(rate, Phase):
            if isinstance(rate, HoldSchedule) and not callable(rate.after):
                raise ValueError(
                    "Hold would have no effect: no decay follows the plateau. "
                    f"Received: a constant rate of {rate.after:g} after it. Put a decay behind Hold, or leave Hold out."
                )
            rate = rate.after
        return optimizer
