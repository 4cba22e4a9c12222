"""The learning rate climbs to its target over the first steps."""

import dataclasses

import keras

from kerastricks.schedules import Phase, check_duration, replace_tail
from kerastricks.trick import Trick


def warmup(step, target, steps):
    """Returns the rate of update `step` (from 0) of a warmup over `steps` updates to `target`."""
    return target * (step + 1) / steps


@keras.saving.register_keras_serializable("kerastricks")
class WarmupSchedule(Phase):
    """Climbs linearly, so that update i of `steps` uses i / steps of the target, and then follows `after`.

        after(0) * (step + 1) / steps

    The first update moves the weights, and the last one of the warmup is the first at the full rate.

    Args:
        after: Learning rate to climb to and follow: a number, or a schedule whose step 0 comes after the warmup.
        steps: Length of the warmup, in update steps.

    Raises:
        ValueError: If `steps` is below one or a rate is not positive.

    Reference: Goyal et al., 2017, arXiv:1706.02677; He et al., 2018, arXiv:1812.01187, section 3.1.
    """

    def rate(self, step):
        return warmup(step, self.target, self.steps)


@dataclasses.dataclass(frozen=True)
class Warmup(Trick):
    """Warms the learning rate up, step by step, over the first `epochs`.

    Args:
        epochs: Length of the warmup, in epochs; a part of an epoch will do.

    Raises:
        ValueError: If `epochs` is not positive or longer than the run, or if a decay stands before the warmup.

    Reference: Goyal et al., 2017, arXiv:1706.02677.
    """

    epochs: float = 5

    def __post_init__(self):
        if not self.epochs > 0:
            raise ValueError(f"`epochs` of Warmup must be positive. Received: epochs={self.epochs}")

    def learning_rate(self, learning_rate, plan):
        steps = plan.steps(self.epochs)
        if steps < 2:
            raise ValueError(
                "Warmup would have no effect: the last step of a warmup has the full rate, and it is one step long. "
                f"Received: epochs={self.epochs} at {plan.steps_per_epoch} steps an epoch. "
                "Lengthen it, or leave Warmup out."
            )

        def make(rate, left):
            return WarmupSchedule(rate, check_duration("Warmup", steps, left))

        return replace_tail(learning_rate, plan.total_steps, make, "Warmup")
