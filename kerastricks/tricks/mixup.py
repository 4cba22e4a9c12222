"""Images and targets blended with those of another sample."""

import dataclasses

import numpy as np
from keras import ops

from kerastricks.training.mixing import Mixing, spread


def mixup(images, targets, weight, order):
    """Blends each sample with another: `weight[i]` of sample i, and `1 - weight[i]` of sample `order[i]`."""

    def blend(x):
        share = ops.reshape(ops.cast(weight, x.dtype), (-1,) + (1,) * (len(x.shape) - 1))
        return share * x + (1 - share) * ops.take(x, order, axis=0)

    return blend(images), blend(targets)


@dataclasses.dataclass(frozen=True)
class MixUp(Mixing):
    """Trains on blends of two images and of their targets (Zhang et al., 2017, arXiv:1710.09412).

        weight * x[i] + (1 - weight) * x[order[i]],  weight ~ Beta(alpha, alpha)

    One weight per batch, as in the paper. The training accuracy counts the class with the larger weight.

    Args:
        alpha: Both parameters of the Beta distribution, above 0: small ones blend little, 1 is uniform.
        off_epochs: Number of last epochs trained without mixing; at least 0.
        per_sample: Whether a weight is drawn per sample, not per batch.
        probability: Fraction of batches that are mixed, or of samples with `per_sample`; above 0 and at most 1.

    Raises:
        ValueError: If a number is out of its range, mixing is off for the whole run, or batches hold a single image.

    Reference: He et al., 2018, arXiv:1812.01187, section 5.4.
    """

    alpha: float = 0.2

    def draw(self, random, size, step, plan):
        weight, used = self.shares(random, size, step, plan)
        return {
            "weight": spread(np.where(used, weight, 1.0), size),
            "order": random.permutation(size).astype("int32"),
        }

    def batch(self, images, targets, weight, order):
        return mixup(images, targets, weight, order)
