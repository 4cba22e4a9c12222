"""One random operation per image, at a random magnitude."""

import dataclasses

import numpy as np

from kerastricks.image import levels, operations
from kerastricks.training.checks import check_channels, check_levels
from kerastricks.training.trick import Trick

SPACE = operations.amounts(shear=0.99, translate=32, degrees=135, blend=0.99, bits=6)
SPACE[3:5] = np.floor(SPACE[3:5])  # translations, in whole pixels: 15 at magnitude 15, from 15.999999


@dataclasses.dataclass(frozen=True)
class TrivialAugment(Trick):
    """Applies one random operation out of fourteen to each image, at a random magnitude (Müller and Hutter, 2021).

        operation, magnitude and sign are uniform, drawn per image

    The wide ranges: magnitudes are 0 to 30; at 30, ShearX and ShearY 0.99, TranslateX and TranslateY 32 pixels, Rotate
    135°, Brightness, Color, Contrast and Sharpness 1 ± 0.99, Posterize to 2 bits, Solarize from level 0 on. Identity,
    AutoContrast and Equalize have none. The ranges are torchvision's, the arithmetic Pillow's: pixels are rounded to
    integers in 0 to 255, interpolation is nearest neighbour, and the outside is black.

    Raises:
        ValueError: If images have neither one channel nor three.

    Reference: arXiv:2103.10158.
    """

    def check(self, setup):
        check_channels(setup, self.name, 1, 3)
        check_levels(setup, self.name)

    def draw(self, random, size, step, plan):
        return operations.draw(random, (size,), SPACE, random.integers(operations.BINS, size=size))

    def batch(self, images, targets, operation, amount):
        return operations.operate(levels.whole(images), operation, amount), targets
