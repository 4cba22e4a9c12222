"""Targets mixed with the uniform distribution."""

import dataclasses

import numpy as np
from keras import ops

from kerastricks.training.trick import Trick


def smooth_labels(y, smooth_factor):
    """Returns the distributions `y` mixed with the uniform one over the last axis; `y` itself is unchanged.

        (1 - smooth_factor) * y + smooth_factor / K

    Args:
        y: One-hot or mixed labels (N, K), an array or a tensor.
        smooth_factor: Weight of the uniform distribution, in [0, 1).

    Raises:
        ValueError: If `smooth_factor` is out of its range or `y` is not of rank two.
    """
    if not 0 <= smooth_factor < 1:
        raise ValueError(f"`smooth_factor` must lie in [0, 1). Received: smooth_factor={smooth_factor}")
    if len(y.shape) != 2:
        raise ValueError(f"`y` must be one-hot or mixed labels of shape (N, K). Received: shape={tuple(y.shape)}")
    total = (np if isinstance(y, np.ndarray) else ops).sum(y, axis=-1, keepdims=True)
    return (1 - smooth_factor) * y + smooth_factor * total / y.shape[-1]  # the total is 1, or a sample's weight


@dataclasses.dataclass(frozen=True)
class LabelSmoothing(Trick):
    """Trains on labels mixed with the uniform distribution over the K classes (Szegedy et al., 2015).

        (1 - amount) * label + amount / K

    Validation labels are not smoothed. This is the form that Keras, PyTorch and timm use. The bag-of-tricks paper gives
    `amount` to the other classes alone, `amount / (K - 1)` each: see `others`.

    Args:
        amount: Weight of the uniform distribution, above 0 and below 1.
        others: Whether all of `amount` goes to the other K - 1 classes, as the paper writes it.

    Raises:
        ValueError: If `amount` is out of its range.

    Reference: arXiv:1512.00567; He et al., 2018, arXiv:1812.01187, section 5.2.
    """

    amount: float = 0.1
    others: bool = False

    def __post_init__(self):
        if not 0 < self.amount < 1:
            raise ValueError(f"`amount` must lie between 0 and 1, both excluded. Received: amount={self.amount}")

    def batch(self, images, targets):
        classes = targets.shape[-1]
        amount = self.amount * classes / (classes - 1) if self.others else self.amount
        return images, smooth_labels(targets, amount)
