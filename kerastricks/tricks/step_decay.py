"""The learning rate falls in steps."""

import dataclasses

import keras

from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class StepDecay(Trick):
    """Multiplies the learning rate by `factor` at each of the `epochs`, as in the paper's baseline.

    Epochs count from the start of the run, a warmup included. The schedule is Keras' own `PiecewiseConstantDecay`.

    Args:
        epochs: Epochs at which the rate falls, ascending, each within the run.
        factor: Factor of the rate, above 0 and not 1.

    Raises:
        ValueError: If `epochs` is empty, not ascending, or reaches beyond the run or into the warmup; if `factor` is
            out of its range; or if another decay comes before this one.

    Reference: He et al., 2018, arXiv:1812.01187, section 2.1.
    """

    epochs: tuple[float, ...] = (30, 60, 90)
    factor: float = 0.1

    @property
    def durations(self):
        return ("epochs",)

    def __post_init__(self):
        object.__setattr__(self, "epochs", tuple(self.epochs))
        if not self.epochs or sorted(set(self.epochs)) != list(self.epochs) or not self.epochs[0] > 0:
            raise ValueError(f"`epochs` of StepDecay must be positive and ascending. Received: epochs={self.epochs}")
        if not 0 < self.factor < float("inf") or self.factor == 1:
            raise ValueError(f"`factor` of StepDecay must be positive and not 1. Received: factor={self.factor}")

    def learning_rate(self, learning_rate, plan):
        def make(rate, left):
            passed = plan.total_steps - left
            steps = [plan.steps(epoch) - passed for epoch in self.epochs]
            first = passed * plan.accumulation / plan.steps_per_epoch
            if steps[0] < 1 or steps[-1] >= left:
                raise ValueError(
                    f"StepDecay must fall after the {first:g} epochs before it and within the "
                    f"{plan.epochs} of the run. Received: epochs={self.epochs}"
                )
            rates = [rate * self.factor**count for count in range(len(steps) + 1)]
            # In Keras, a rate still holds at its boundary.
            return keras.optimizers.schedules.PiecewiseConstantDecay([step - 1 for step in steps], rates)

        return learning_rate.decayed(self.name, make)
