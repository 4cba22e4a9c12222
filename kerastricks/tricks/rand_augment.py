"""A few random operations per image, all at one magnitude."""

import dataclasses

from keras import ops

from kerastricks.image import levels, operations
from kerastricks.training.checks import check_channels, check_levels
from kerastricks.training.trick import Trick

SPACE = operations.amounts(shear=0.3, translate=150 / 331, degrees=30, blend=0.9, bits=4)


def rand_augment(images, operation, amount):
    """Applies to image i the operations `operation[i]`, one after the other.

    Args:
        images: (N, H, W, C), one channel or three, in 0 to 255.
        operation: Indices into `kerastricks.image.operations.NAMES`, (N, operations).
        amount: Strength of each, (N, operations); translations as fractions of the side.
    """
    height, width = images.shape[1:3]
    operation, amount = ops.cast(operation, "int32"), ops.cast(amount, "float32")
    images = levels.whole(images)
    for layer in range(operation.shape[1]):
        which, much = operation[:, layer], amount[:, layer]
        for name, side in (("TranslateX", width), ("TranslateY", height)):
            # The 1e-3 keeps rounding from losing a pixel where the product is a whole number.
            shift = ops.sign(much) * ops.floor(ops.abs(much) * side + 1e-3)
            much = ops.where(which == operations.NAMES.index(name), shift, much)
        images = operations.operate(images, which, much)
    return images


@dataclasses.dataclass(frozen=True)
class RandAugment(Trick):
    """Applies `operations` random operations out of fourteen to each image, at one magnitude (Cubuk et al., 2020).

        image <- operation(image), `operations` times; operation and sign are uniform

    Identity, AutoContrast and Equalize have no magnitude. At 30, the others are: ShearX and ShearY 0.3, TranslateX and
    TranslateY 150/331 of the side, Rotate 30°, Brightness, Color, Contrast and Sharpness 1 ± 0.9, Posterize to 4 bits,
    Solarize from level 0 on; at 0 they change nothing. The ranges are torchvision's, the arithmetic Pillow's: pixels
    are rounded to integers in 0 to 255, interpolation is nearest neighbour, and the outside is black.

    Args:
        operations: Number of operations per image, at least 1.
        magnitude: Strength of all operations, an integer from 0 to 30.

    Raises:
        ValueError: If a setting is out of its range, or images have neither one channel nor three.

    Reference: arXiv:1909.13719.
    """

    operations: int = 2
    magnitude: int = 9

    def __post_init__(self):
        if not isinstance(self.operations, int) or self.operations < 1:
            raise ValueError(f"`operations` must be an integer of at least 1. Received: operations={self.operations!r}")
        if not isinstance(self.magnitude, int) or not 0 <= self.magnitude < operations.BINS:
            raise ValueError(f"`magnitude` must be an integer from 0 to 30. Received: magnitude={self.magnitude!r}")

    def check(self, setup):
        check_channels(setup, self.name, 1, 3)
        check_levels(setup, self.name)

    def draw(self, random, size, step, plan):
        return operations.draw(random, (size, self.operations), SPACE, self.magnitude)

    def batch(self, images, targets, operation, amount):
        return rand_augment(images, operation, amount), targets
