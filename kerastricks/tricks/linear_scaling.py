"""The learning rate in proportion to the batch size."""

import dataclasses

from kerastricks.training.trick import Trick


def scale_learning_rate(learning_rate: float, batch_size: int, reference: int = 256) -> float:
    """Scales a learning rate tuned for batches of `reference` images to `batch_size`."""
    return learning_rate * batch_size / reference


@dataclasses.dataclass(frozen=True)
class LinearScaling(Trick):
    """Scales the learning rate linearly with the batch size (Goyal et al., 2017, arXiv:1706.02677).

        learning_rate * batch_size / reference

    Args:
        reference: Batch size, in images, for which the given learning rate was tuned.

    Raises:
        ValueError: If `reference` is below one, if it is the batch size of the run, or if a schedule
            comes before it.
    """

    reference: int = 256

    def __post_init__(self):
        if self.reference < 1:
            raise ValueError(f"`reference` must be at least 1 image. Received: reference={self.reference}")

    def check(self, setup):
        if setup.plan.effective_batch_size == self.reference:
            raise ValueError(
                "LinearScaling would have no effect: the batch size is the reference. "
                f"Received: batch_size={self.reference}. Leave LinearScaling out, or change the batch size."
            )

    def learning_rate(self, learning_rate, plan):
        if learning_rate.parts:
            raise ValueError(
                "LinearScaling scales a number, not a schedule. "
                f"Received: {learning_rate.parts[-1].name} before it. "
                "Put LinearScaling before the other learning-rate tricks."
            )
        return learning_rate.scaled(scale_learning_rate(1.0, plan.effective_batch_size, self.reference))
