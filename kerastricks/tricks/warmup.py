"""The learning rate climbs to its target over the first steps."""

import dataclasses

import keras

from kerastricks.optimizers.schedules import Phase
from kerastricks.training.trick import Trick, check_duration


def warmup(step, target, steps, start=None):
    """Returns the learning rate of update `step` (from 0) of a warmup over `steps` updates to `target`."""
    if start is None:
        return target * (step + 1) / steps
    return start + (target - start) * step / steps


@keras.saving.register_keras_serializable("kerastricks")
class WarmupSchedule(Phase):
    """Climbs linearly, so that update i of `steps` uses i / steps of the target, and then follows `after`.

        after(0) * (step + 1) / steps

    The first update has a rate above zero, and the last update of the warmup has the full rate. With `start`, as in
    codebases that begin at zero, the climb begins there, and the first update after the warmup has the full rate:

        start + (after(0) - start) * step / steps

    Args:
        after: Learning rate to climb to and follow: a number, or a schedule whose step 0 comes after the warmup.
        steps: Length of the warmup, in updates.
        start: Rate of the first update, at least 0 and below the target; by default `1 / steps` of the target.

    Raises:
        ValueError: If `steps` is below one, a rate is not positive, or `start` is out of its range.

    Reference: Goyal et al., 2017, arXiv:1706.02677; He et al., 2018, arXiv:1812.01187, section 3.1.
    """

    def __init__(self, after, steps, start=None):
        super().__init__(after, steps)
        if start is not None and not 0 <= start < self.target:
            raise ValueError(
                f"`start` must be at least 0 and below the rate to climb to, {self.target:g}. Received: start={start}"
            )
        self.start = start

    def rate(self, step):
        return warmup(step, self.target, self.steps, self.start)

    def get_config(self):
        return {**super().get_config(), "start": self.start}


@dataclasses.dataclass(frozen=True)
class Warmup(Trick):
    """Raises the learning rate linearly from near zero to its target, update by update, over the first `epochs`.

    Args:
        epochs: Length of the warmup, in epochs; fractions are allowed.
        steps: Length of the warmup in updates, in place of `epochs`.
        start: Rate of the first update; by default one step above zero, so that no update is wasted.

    Raises:
        ValueError: If the duration is not positive or longer than the run, if it is a single update, if `start` is not
            below the rate to climb to, or if a decay comes before the warmup.

    Reference: Goyal et al., 2017, arXiv:1706.02677.
    """

    epochs: float = 5
    steps: int | None = None
    start: float | None = None

    @property
    def durations(self):
        return ("epochs",) if self.steps is None else ()

    def __post_init__(self):
        check_duration("Warmup", self.epochs, self.steps)

    def check(self, setup):
        plan = setup.plan
        if plan.duration(self.epochs, self.steps) < 2 and self.start is None:
            raise ValueError(
                "Warmup would have no effect: the last step of a warmup has the full rate, and it is one step long. "
                f"Received: epochs={self.epochs}, steps={self.steps}, at {plan.steps_per_epoch} steps an epoch. "
                "Lengthen it, or leave Warmup out."
            )

    def learning_rate(self, learning_rate, plan):
        def make(after, steps):
            return WarmupSchedule(after, steps, self.start)

        return learning_rate.then(self.name, plan.duration(self.epochs, self.steps), make)
