"""Slow weights that the weights return to every few updates."""

import dataclasses
from typing import Any

from keras import ops

from kerastricks.optimizers.lookahead import look_ahead
from kerastricks.training.trick import Trick


def step_size_at(update, updates, step_size, power):
    """Returns the step size of the slow weights after `update` of the `updates` of a run; constant at power 0."""
    return 1 - (1 - step_size) * (update / updates) ** power


@dataclasses.dataclass(frozen=True)
class Lookahead(Trick):
    """Every `steps` updates, moves slow weights a part of the way to the weights, which then go on from there.

        slow = slow + step_size * (weight - slow),  weight = slow

    With a `power` the part falls in the course of a run, from all of the way at first to `step_size` at the end:

        1 - (1 - step_size) * (update / updates of the run) ** power

    `steps=5, step_size=1 - 0.95**5, power=3` is Jordan's form, in which 0.95**5 * (update / updates)**3 is the momentum
    of an average that is copied back. Either way a run that goes to its end ends at the slow weights, unless a loss
    scale for float16 skipped updates. Updates are counted, not batches. Only trainable weights are slow: the moving
    statistics follow the weights.

    Args:
        steps: Updates between two moves of the slow weights, at least 1; the paper's k.
        step_size: Part of the way that the slow weights move, above 0 and below 1; the paper's α.
        power: Exponent of the share of the run that is done, at least 0.

    Raises:
        ValueError: If a number is out of its range, or the run has fewer updates, or fewer after layers thaw.

    Reference: Zhang et al., 2019, arXiv:1907.08610; Jordan, 2024, arXiv:2404.00498.
    """

    steps: int = 5
    step_size: float = 0.5
    power: float = 0.0

    def __post_init__(self):
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(f"`steps` of Lookahead must be an integer of at least 1. Received: steps={self.steps!r}")
        if not 0 < self.step_size < 1:
            raise ValueError(
                "`step_size` of Lookahead must lie between 0 and 1, both excluded: at 1 it would have no effect. "
                f"Received: step_size={self.step_size}"
            )
        if not 0 <= self.power < float("inf"):
            raise ValueError(f"`power` of Lookahead must be at least 0. Received: power={self.power}")

    def check(self, setup):
        plan, stages = setup.plan, [trick.stages(setup.model, setup.plan) for trick in setup.tricks]
        last = max((epoch for found in stages for epoch, action in found.items() if action), default=0)
        left = (plan.batches - last * plan.steps_per_epoch) // plan.accumulation
        if self.steps > left:
            raise ValueError(
                f"Lookahead would leave the weights as they began: the run has {left} updates{' then' * bool(last)}, "
                f"and the slow weights move every {self.steps}. Lower `steps`, or train for more epochs."
            )

    def optimizer(self, optimizer, model, plan):
        updates, begun = plan.total_steps, plan.start // plan.accumulation

        def step_size(update: Any) -> Any:
            return step_size_at(ops.minimum(begun + update, updates), updates, self.step_size, self.power)

        left = (plan.batches - plan.start) // plan.accumulation
        look_ahead(getattr(optimizer, "inner_optimizer", optimizer), self.steps, step_size, left)
        return optimizer
