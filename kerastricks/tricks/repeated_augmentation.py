"""Several draws of the same image in one batch."""

import dataclasses

import numpy as np

from kerastricks.training.trick import Trick


def repeated(order: np.ndarray, repeats: int, batch_size: int) -> np.ndarray:
    """Returns an order of the same length in which each batch holds `repeats` times each of its samples.

    Where `batch_size` does not divide by `repeats`, the last sample of a batch is there as often as there is room.

    Args:
        order: Indices of the samples, (N,).
        repeats: How often.
        batch_size: Samples in a batch.
    """
    batch, place = np.divmod(np.arange(len(order)), batch_size)
    return order[batch * -(-batch_size // repeats) + place // repeats]


@dataclasses.dataclass(frozen=True)
class RepeatedAugmentation(Trick):
    """Puts each image of a batch into it several times, each time augmented by other draws.

    An epoch has as many batches and images as before, of `1 / repeats` as many samples, chosen anew in every epoch.

    Args:
        repeats: How often each sample is in its batch, at least 2.

    Raises:
        ValueError: If `repeats` is out of its range, or batches are smaller; or if the data are no arrays.

    Reference: Hoffer et al., 2019, arXiv:1901.09335; Berman et al., 2019, arXiv:1902.05509.
    """

    repeats: int = 3

    def __post_init__(self):
        if isinstance(self.repeats, bool) or not isinstance(self.repeats, int) or self.repeats < 2:
            raise ValueError(
                f"`repeats` must be an integer of at least 2, or it would have no effect. Received: {self.repeats!r}"
            )

    def check(self, setup):
        if setup.plan.batch_size < self.repeats:
            raise ValueError(
                f"RepeatedAugmentation puts each image {self.repeats} times into its batch. "
                f"Received: batch_size={setup.plan.batch_size}. Use a larger batch, or leave RepeatedAugmentation out."
            )

    def order(self, order, plan):
        return repeated(order, self.repeats, plan.batch_size)
