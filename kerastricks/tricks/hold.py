"""A plateau before the learning rate decays."""

import dataclasses

import keras

from kerastricks.optimizers.schedules import Phase
from kerastricks.training.trick import Trick, check_duration


@keras.saving.register_keras_serializable("kerastricks")
class HoldSchedule(Phase):
    """Holds the initial rate of `after` for `steps` updates, and then follows `after`.

    Args:
        after: Learning rate that follows: a number, or a schedule whose step 0 comes after the plateau.
        steps: Length of the plateau, in updates.

    Raises:
        ValueError: If `steps` is below one or a rate is not positive.
    """

    def rate(self, step):
        return self.target


@dataclasses.dataclass(frozen=True)
class Hold(Trick):
    """Holds the learning rate at its peak between `Warmup` and the decay.

    Args:
        epochs: Length of the plateau, in epochs; fractions are allowed.
        steps: Length of the plateau in updates, in place of `epochs`.

    Raises:
        ValueError: If the duration is not positive or longer than the run, or if a decay comes before the plateau.
            Also if no decay follows: a constant rate needs no plateau.
    """

    epochs: float = 5
    steps: int | None = None

    @property
    def durations(self):
        return ("epochs",) if self.steps is None else ()

    def __post_init__(self):
        check_duration("Hold", self.epochs, self.steps)

    def check(self, setup):
        if not setup.learning_rate.decays:
            raise ValueError(
                "Hold would have no effect: no decay follows the plateau. "
                f"Received: a constant rate of {setup.learning_rate.value:g} after it. "
                "Put a decay after Hold, or leave Hold out."
            )

    def learning_rate(self, learning_rate, plan):
        return learning_rate.then(self.name, plan.duration(self.epochs, self.steps), HoldSchedule)
