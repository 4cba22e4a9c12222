"""Images with a box pasted in from another image, and targets mixed by area."""

import dataclasses

import numpy as np
from keras import ops

from kerastricks.training.mixing import Mixing, spread


def cutmix(images, targets, share, row, column, order):
    """Pastes a box of image `order[i]` into image i, and mixes their targets in proportion to their pixels.

    The box covers the fraction `share` of the image before it is clipped at the border.

    Args:
        images: (N, H, W, C).
        targets: Distributions over the classes, (N, K).
        share: Fraction of the image that the box covers, (N,), 0 to 1.
        row: Centre of the box as a fraction of the height, (N,), 0 to 1.
        column: Centre of the box as a fraction of the width, likewise.
        order: Index of the other image for each sample, (N,).
    """
    side = ops.sqrt(ops.cast(share, "float32"))

    def inside(centre, pixels):
        """Returns whether each of `pixels` positions lies in the box, (N, pixels)."""
        half = ops.floor(side * pixels) / 2
        middle = ops.floor(ops.cast(centre, "float32") * pixels)
        at = ops.expand_dims(ops.arange(pixels, dtype="float32"), 0)
        first, last = ops.floor(middle - half), ops.floor(middle + half)
        return ops.logical_and(at >= ops.expand_dims(first, 1), at < ops.expand_dims(last, 1))

    height, width = images.shape[1:3]
    box = ops.logical_and(
        ops.expand_dims(inside(row, height), 2),
        ops.expand_dims(inside(column, width), 1),
    )
    kept = 1 - ops.mean(ops.cast(box, "float32"), axis=(1, 2))
    mixed = ops.where(ops.expand_dims(box, 3), ops.take(images, order, axis=0), images)
    weight = ops.expand_dims(kept, 1)
    return mixed, weight * targets + (1 - weight) * ops.take(targets, order, axis=0)


@dataclasses.dataclass(frozen=True)
class CutMix(Mixing):
    """Trains on images with a box pasted in from another image, and on targets mixed by area (Yun et al., 2019).

        area of the box / area of the image ~ Beta(alpha, alpha); its centre is uniform

    One box per batch, as in the paper's code. Targets are mixed in proportion to the pixels of each image, after the
    box is clipped at the border.

    Args:
        alpha: Both parameters of the Beta distribution, above 0; 1 is uniform.
        off_epochs: Number of last epochs trained without mixing; at least 0.
        per_sample: Whether a box is drawn per sample, not per batch.
        probability: Fraction of batches that are mixed, or of samples with `per_sample`; above 0 and at most 1.

    Raises:
        ValueError: If a number is out of its range, mixing is off for the whole run, or batches hold a single image.

    Reference: arXiv:1905.04899.
    """

    def draw(self, random, size, step, plan):
        share, used = self.shares(random, size, step, plan)
        row, column = random.random((2, len(share)))
        order = random.permutation(size).astype("int32")
        drawn = {"share": np.where(used, share, 0.0), "row": row, "column": column}
        return {name: spread(values, size) for name, values in drawn.items()} | {"order": order}

    def batch(self, images, targets, share, row, column, order):
        return cutmix(images, targets, share, row, column, order)
