"""The base of tricks that mix pairs of images: their settings, and which samples they mix."""

import dataclasses

import numpy as np

from kerastricks.training.trick import Plan, Trick


@dataclasses.dataclass(frozen=True)
class Mixing(Trick):
    """A trick that mixes samples with others of their batch, by weights drawn from Beta(alpha, alpha)."""

    alpha: float = 1.0
    off_epochs: int = 0
    per_sample: bool = False
    probability: float = 1.0

    @property
    def mixes(self):
        return True

    @property
    def durations(self):
        return ("off_epochs",)

    def __post_init__(self):
        if not 0 < self.alpha < float("inf"):
            raise ValueError(f"`alpha` must be positive. Received: alpha={self.alpha}")
        if self.off_epochs < 0:
            raise ValueError(f"`off_epochs` must be at least 0. Received: off_epochs={self.off_epochs}")
        if not 0 < self.probability <= 1:
            raise ValueError(f"`probability` must lie in (0, 1]. Received: probability={self.probability}")

    def check(self, setup):
        plan = setup.plan
        if plan.batch_size < 2:
            raise ValueError(
                f"{self.name} mixes pairs: it needs batches of at least two images. "
                f"Received: batch_size={plan.batch_size}. Use a larger batch, or leave {self.name} out."
            )
        if self.off_epochs >= plan.epochs:
            raise ValueError(
                f"{self.name} would have no effect: it is off for the last {self.off_epochs} of {plan.epochs} epochs. "
                f"Train for more epochs, or leave {self.name} out."
            )

    def shares(self, random: np.random.Generator, size: int, step: int, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        """Draws Beta(alpha, alpha) weights, and whether each is used: one per sample, or one per batch."""
        count = size if self.per_sample else 1
        on = step < (plan.epochs - self.off_epochs) * plan.steps_per_epoch
        used = (random.random(count) < self.probability) & on
        return random.beta(self.alpha, self.alpha, count), used


def spread(values: np.ndarray, size: int) -> np.ndarray:
    """Returns one value per sample, (`size`,), as float32."""
    return np.broadcast_to(values, size).astype("float32")
