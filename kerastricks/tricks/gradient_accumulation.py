"""One update from the gradients of several batches."""

import dataclasses

from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class GradientAccumulation(Trick):
    """Updates the weights once every `steps` batches, with the mean of their gradients: a larger batch in less memory.

    The accumulation is Keras' own. The learning rate counts updates, so that warmup and decay are those of the larger
    batch, whose size `LinearScaling` uses. BatchNormalization still sees one batch at a time. A group of batches may
    span two epochs; an incomplete group at the end of the run makes no update.

    Args:
        steps: Batches per update, at least 2.

    Raises:
        ValueError: If `steps` is below two or beyond the batches of the run.
    """

    steps: int = 2

    def __post_init__(self):
        if not isinstance(self.steps, int) or self.steps < 2:
            raise ValueError(
                "GradientAccumulation would have no effect: it takes at least two batches per update. "
                f"Received: steps={self.steps!r}"
            )

    def plan(self, plan):
        if self.steps * plan.accumulation > plan.batches:
            raise ValueError(
                f"GradientAccumulation would make no update: the run has {plan.batches} batches. "
                f"Received: steps={self.steps}. Lower it, or train for more epochs."
            )
        return dataclasses.replace(plan, accumulation=plan.accumulation * self.steps)

    def optimizer(self, optimizer, model, plan):
        getattr(optimizer, "inner_optimizer", optimizer).gradient_accumulation_steps = self.steps
        return optimizer
