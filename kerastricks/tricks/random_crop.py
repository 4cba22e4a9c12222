"""Images shifted by a few pixels."""

import dataclasses

from keras import ops

from kerastricks.training.trick import Trick


def random_crop(images, top, left, padding):
    """Pads each image (H, W, C) with `padding` zeros on all sides, and crops H×W pixels at row `top`, column `left`.

    Args:
        images: (N, H, W, C).
        top: First row of each crop in the padded image, (N,), 0 to 2 * padding.
        left: First column, likewise.
        padding: Pixels of padding.
    """
    height, width, channels = images.shape[1:]
    padded = ops.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows = ops.expand_dims(ops.cast(top, "int32"), -1) + ops.arange(height, dtype="int32")
    columns = ops.expand_dims(ops.cast(left, "int32"), -1) + ops.arange(width, dtype="int32")
    count = ops.shape(images)[0]
    tall, wide = height + 2 * padding, width + 2 * padding
    first = ops.reshape(ops.arange(count, dtype="int32") * (tall * wide), (-1, 1, 1))
    pixel = first + ops.expand_dims(rows, 2) * wide + ops.expand_dims(columns, 1)
    return ops.take(ops.reshape(padded, (-1, channels)), pixel, axis=0)


@dataclasses.dataclass(frozen=True)
class RandomCrop(Trick):
    """Pads each image with zeros and crops it to its size at a random position, as for CIFAR.

    The padding is 0 on the scale of the pixels that the model gets: black, where black is 0.

    Args:
        padding: Pixels of padding on each side, at least 1.

    Raises:
        ValueError: If `padding` is below one.

    Reference: He et al., 2015, arXiv:1512.03385, section 4.2.
    """

    padding: int = 4

    def __post_init__(self):
        if not isinstance(self.padding, int) or self.padding < 1:
            raise ValueError(f"`padding` must be an integer of at least 1 pixel. Received: padding={self.padding!r}")

    def draw(self, random, size, step, plan):
        top, left = random.integers(0, 2 * self.padding + 1, (2, size)).astype("int32")
        return {"top": top, "left": left}

    def batch(self, images, targets, top, left):
        return random_crop(images, top, left, self.padding), targets
