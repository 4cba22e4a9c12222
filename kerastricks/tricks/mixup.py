"""Images and targets blended with those of another sample."""

import dataclasses

import numpy as np
from keras import ops

from kerastricks.trick import Trick


def mixup(images, targets, weight, order):
    """Blends each sample with its partner: `weight` of its own, the rest of sample `order[i]`."""

    def blend(x):
        share = ops.reshape(ops.cast(weight, x.dtype), (-1,) + (1,) * (len(x.shape) - 1))
        return share * x + (1 - share) * ops.take(x, order, axis=0)

    return blend(images), blend(targets)


@dataclasses.dataclass(frozen=True)
class MixUp(Trick):
    """Trains on blends of two images and of their targets (Zhang et al., 2017, arXiv:1710.09412).

        weight * x[i] + (1 - weight) * x[order[i]],  weight ~ Beta(alpha, alpha), one a batch

    Args:
        alpha: Both parameters of the Beta distribution, above 0: small ones blend little, 1 is uniform.
        off_epochs: Last epochs of the run, trained on images as they are; at least 0.

    Raises:
        ValueError: If `alpha` or `off_epochs` is out of its range, if it is off for the whole run, or if batches
            hold a single image.

    Reference: He et al., 2018, arXiv:1812.01187, section 5.4.
    """

    alpha: float = 0.2
    off_epochs: int = 0

    def __post_init__(self):
        if not 0 < self.alpha < float("inf"):
            raise ValueError(f"`alpha` must be positive. Received: alpha={self.alpha}")
        if self.off_epochs < 0:
            raise ValueError(f"`off_epochs` must be at least 0. Received: off_epochs={self.off_epochs}")

    def draw(self, random, size, step, plan):
        if plan.batch_size < 2:
            raise ValueError(
                "MixUp blends pairs: it needs batches of at least two images. "
                f"Received: batch_size={plan.batch_size}. Use a larger batch, or leave MixUp out."
            )
        if self.off_epochs >= plan.epochs:
            raise ValueError(
                f"MixUp would have no effect: it is off for the last {self.off_epochs} of {plan.epochs} epochs. "
                "Train for more epochs, or leave MixUp out."
            )
        weight = random.beta(self.alpha, self.alpha)
        if step >= (plan.epochs - self.off_epochs) * plan.steps_per_epoch:
            weight = 1.0
        return {
            "weight": np.full(size, weight, "float32"),
            "order": random.permutation(size).astype("int32"),
        }

    def batch(self, images, targets, weight, order):
        return mixup(images, targets, weight, order)
