"""Images with a random box erased."""

import dataclasses
import math

from keras import ops

from kerastricks.image import geometry
from kerastricks.training.trick import Trick


def random_erasing(images, erase, area, aspect, row, column, value=0.0):
    """Sets a box of image i to `value` where `erase[i]` is 1: the first of the tries that fits, if any.

    Args:
        images: (N, H, W, C).
        erase: 0 or 1, (N,).
        area: Area as a fraction of the image, one per try, (N, tries).
        aspect: Height over width, likewise.
        row: Vertical position among the possible ones, (N,), 0 to 1.
        column: Horizontal position, likewise.
        value: Value that fills the box.
    """
    height, width = images.shape[1:3]
    tall, wide = geometry.box_sides(area, aspect, height, width)
    found, tall, wide = geometry.first_that_fits((tall < height) & (wide < width), tall, wide)

    def inside(share, side, pixels):
        first = geometry.place(share, side, pixels)
        at = ops.expand_dims(ops.arange(pixels, dtype="float32"), 0)
        return (at >= ops.expand_dims(first, 1)) & (at < ops.expand_dims(first + side, 1))

    chosen = found & ops.cast(erase, "bool")
    box = ops.expand_dims(inside(row, tall, height), 2) & ops.expand_dims(inside(column, wide, width), 1)
    box = box & ops.reshape(chosen, (-1, 1, 1))
    return ops.where(ops.expand_dims(box, 3), value, images)


@dataclasses.dataclass(frozen=True)
class RandomErasing(Trick):
    """Erases a random box in some of the images, drawn afresh in every epoch (Zhong et al., 2017).

        area / image area ~ U(least, most), log(height / width) ~ U(log least, log most), position uniform;
        the first of ten tries that fits

    Args:
        probability: Probability that an image gets a box, above 0 and at most 1.
        area: Least and most area as a fraction of the image, above 0 and at most 1.
        aspect: Least and most height over width.
        value: Value that fills the box, on the scale of the pixels as the model gets them.

    Raises:
        ValueError: If a setting is out of its range.

    Reference: arXiv:1708.04896.
    """

    probability: float = 0.25
    area: tuple[float, float] = (0.02, 1 / 3)
    aspect: tuple[float, float] = (0.3, 10 / 3)
    value: float = 0.0

    def __post_init__(self):
        if not 0 < self.probability <= 1:
            raise ValueError(f"`probability` must lie in (0, 1]. Received: probability={self.probability}")
        if not isinstance(self.value, int | float) or not math.isfinite(self.value):
            raise ValueError(f"`value` must be a finite number. Received: value={self.value!r}")
        geometry.check_ranges(self.area, self.aspect)

    def draw(self, random, size, step, plan):
        erase = (random.random(size) < self.probability).astype("float32")
        return {"erase": erase, **geometry.draw_boxes(random, size, self.area, self.aspect)}

    def batch(self, images, targets, erase, area, aspect, row, column):
        return random_erasing(images, erase, area, aspect, row, column, float(self.value)), targets
