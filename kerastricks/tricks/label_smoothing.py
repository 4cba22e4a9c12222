"""Targets that are never quite sure."""

import dataclasses

from kerastricks.trick import Trick


def smooth_labels(labels, amount):
    """Mixes the distributions `labels` with the uniform one over the last axis."""
    return (1 - amount) * labels + amount / labels.shape[-1]


@dataclasses.dataclass(frozen=True)
class LabelSmoothing(Trick):
    """Trains on labels mixed with the uniform distribution over the K classes (Szegedy et al., 2015).

        (1 - amount) * label + amount / K

    Validation keeps its labels. This is the form of the field's code (Keras, PyTorch, timm); the paper of the bag
    of tricks divides by K - 1 instead, which is the same at amount * (K - 1) / K.

    Args:
        amount: Share of the uniform distribution, above 0 and below 1.

    Raises:
        ValueError: If `amount` is out of its range.

    Reference: arXiv:1512.00567; He et al., 2018, arXiv:1812.01187, section 5.2.
    """

    amount: float = 0.1

    def __post_init__(self):
        if not 0 < self.amount < 1:
            raise ValueError(f"`amount` must lie between 0 and 1, both excluded. Received: amount={self.amount}")

    def batch(self, images, targets):
        return images, smooth_labels(targets, self.amount)
