"""What tricks that mix pairs of images share: their settings, and when they are off."""

import dataclasses

from kerastricks.trick import Plan, Trick


@dataclasses.dataclass(frozen=True)
class Mixing(Trick):
    """A trick that mixes each sample with another of its batch, by a share from Beta(alpha, alpha)."""

    alpha: float = 1.0
    off_epochs: int = 0

    def __post_init__(self):
        if not 0 < self.alpha < float("inf"):
            raise ValueError(f"`alpha` must be positive. Received: alpha={self.alpha}")
        if self.off_epochs < 0:
            raise ValueError(f"`off_epochs` must be at least 0. Received: off_epochs={self.off_epochs}")

    def mixes(self, step: int, plan: Plan) -> bool:
        """Tells whether the trick is on at `step`.

        Raises:
            ValueError: If it is off for the whole run, or batches hold a single image.
        """
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
        return step < (plan.epochs - self.off_epochs) * plan.steps_per_epoch
