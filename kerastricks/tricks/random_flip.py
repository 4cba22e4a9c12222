"""Images mirrored left to right."""

import dataclasses

from keras import ops

from kerastricks.training.trick import Trick


def random_flip(images, flip):
    """Mirrors image i left to right where `flip[i]` is 1, and leaves it where it is 0."""
    chosen = ops.reshape(ops.cast(flip, "bool"), (-1, 1, 1, 1))
    return ops.where(chosen, ops.flip(images, axis=2), images)


@dataclasses.dataclass(frozen=True)
class RandomFlip(Trick):
    """Mirrors images left to right at random, drawn afresh in every epoch.

    Args:
        probability: Probability that an image is mirrored, above 0 and at most 1.

    Raises:
        ValueError: If `probability` is out of its range.

    Reference: He et al., 2018, arXiv:1812.01187, section 2.1.
    """

    probability: float = 0.5

    def __post_init__(self):
        if not 0 < self.probability <= 1:
            raise ValueError(f"`probability` must lie in (0, 1]. Received: probability={self.probability}")

    def draw(self, random, size, step, plan):
        return {"flip": (random.random(size) < self.probability).astype("float32")}

    def batch(self, images, targets, flip):
        return random_flip(images, flip), targets
