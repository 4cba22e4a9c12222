"""Crops of random area and aspect ratio, resized."""

import dataclasses

from keras import ops

from kerastricks.image import geometry
from kerastricks.training.trick import Trick


def crop_box(area, aspect, row, column, height, width, aspects):
    """Returns top, left, height and width, each (N,), of the first box that fits in height × width pixels.

    Where none of the tries fits, the largest centred box whose aspect ratio lies in `aspects`.

    Args:
        area: Area as a fraction of the image, one per try, (N, tries).
        aspect: Width over height, likewise.
        row: Vertical position among the possible ones, (N,), 0 to 1.
        column: Horizontal position, likewise.
        height: Height of the image, in pixels.
        width: Width of the image, likewise.
        aspects: Least and most width over height.
    """
    wide, tall = geometry.box_sides(area, aspect, height, width)
    fits = (wide > 0) & (wide <= width) & (tall > 0) & (tall <= height)
    found, tall, wide = geometry.first_that_fits(fits, tall, wide)
    top, left = geometry.place(row, tall, height), geometry.place(column, wide, width)

    most_tall = min(height, round(width / aspects[0]))
    most_wide = min(width, round(height * aspects[1]))
    middle = (height - most_tall) // 2, (width - most_wide) // 2, most_tall, most_wide
    drawn = top, left, tall, wide
    return tuple(ops.where(found, one, float(other)) for one, other in zip(drawn, middle, strict=True))


def random_resized_crop(images, area, aspect, row, column, size, aspects):
    """Crops a box from each image (H, W, C) and resizes it to `size`, antialiased; arguments as for `crop_box`."""
    box = crop_box(area, aspect, row, column, *images.shape[1:3], aspects)
    return geometry.crop_and_resize(images, *box, size)


@dataclasses.dataclass(frozen=True)
class RandomResizedCrop(Trick):
    """Trains on a random crop of each image, resized to `size`; evaluates on the central crop.

        area / image area ~ U(least, most), log(width / height) ~ U(log least, log most), position uniform;
        the first of ten tries that fits

    The resizing is bilinear and antialiased. Outside training, the network sees the central `size` pixels. The paper
    resizes the short side to 256 and crops the central 224: images of folders are loaded as squares of the short side,
    so that only the crop remains. Load them at 256 for `size=224`.

    Args:
        size: Side of the images that the network sees, in pixels; or (height, width). None for that of the images,
            which are then seen whole outside training.
        area: Least and most area as a fraction of the image, above 0 and at most 1.
        aspect: Least and most width over height.

    Raises:
        ValueError: If `size` is not positive, or a range is reversed or out of bounds; in evaluation, if images are
            smaller than `size`.

    Reference: He et al., 2018, arXiv:1812.01187, section 2.1; Szegedy et al., 2014, arXiv:1409.4842, section 6.
    """

    size: int | tuple[int, int] | None = None
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self):
        sides = self._sides(None)
        if sides and (len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides)):
            raise ValueError(f"`size` must be an integer of at least 1 pixel, or two. Received: size={self.size!r}")
        geometry.check_ranges(self.area, self.aspect)

    def _sides(self, images):
        """Returns height and width of what the network sees of images; without images and `size`, nothing."""
        if self.size is None:
            return () if images is None else tuple(images.shape[1:3])
        return tuple(self.size) if isinstance(self.size, tuple | list) else (self.size, self.size)

    def draw(self, random, size, step, plan):
        return geometry.draw_boxes(random, size, self.area, self.aspect)

    def batch(self, images, targets, area, aspect, row, column):
        return random_resized_crop(images, area, aspect, row, column, self._sides(images), self.aspect), targets

    def evaluation(self, images):
        height, width = self._sides(images)
        if images.shape[1] < height or images.shape[2] < width:
            raise ValueError(
                f"RandomResizedCrop evaluates on the middle {height}×{width} pixels: images must be at least as large. "
                f"Received: {images.shape[1]}×{images.shape[2]} pixels. Load larger images (for a folder, "
                f"`--image-size {round(max(height, width) * 8 / 7)}`), or lower `size`."
            )
        return geometry.centre_crop(images, (height, width))
