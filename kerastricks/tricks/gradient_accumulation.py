"""One update for several batches."""

import dataclasses

from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class GradientAccumulation(Trick):
    """Updates the weights once in `steps` batches, by the mean of their gradients: a larger batch in less memory.

    The accumulation is Keras' own. The learning rate counts updates, so that warmup and decay are those of the larger
    batch, whose size is what `LinearScaling` sees. BatchNormalization still sees one batch at a time. A group of
    batches may span two epochs; what is left of one at the end of the run makes no update.

    Args:
        steps: Batches an update, two and up.

    Raises:
        ValueError: If `steps` is below two or beyond the batches of the run.
    """

    steps: int = 2

    def __post_init__(self):
        if not isinstance(self.steps, int) or self.steps < 2:
            raise ValueError(
                "GradientAccumulation would have no effect: it takes two batches an update and up. "
                f"Received: steps={self.steps!r}"
            )

    def check(self, setup):
        if not setup.plan.total_steps:
            raise ValueError(
                f"GradientAccumulation would make no update: the run has {setup.plan.batches} batches. "
                f"Received: steps={self.steps}. Lower it, or train for more epochs."
            )

    def plan(self, plan):
        return dataclasses.replace(plan, accumulation=plan.accumulation * self.steps)

    def optimizer(self, optimizer, model, plan):
        getattr(optimizer, "inner_optimizer", optimizer).gradient_accumulation_steps = self.steps
        return optimizer
