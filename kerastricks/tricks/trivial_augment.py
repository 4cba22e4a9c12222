"""Images changed by one operation each, at a magnitude drawn with it."""

import dataclasses

import numpy as np

from kerastricks.image import levels, operations
from kerastricks.training.checks import check_channels
from kerastricks.training.trick import Trick

SPACE = operations.amounts(shear=0.99, translate=32, degrees=135, blend=0.99, bits=6)
SPACE[3:5] = np.floor(SPACE[3:5])  # translations, in whole pixels


@dataclasses.dataclass(frozen=True)
class TrivialAugment(Trick):
    """Trains on images changed by one of fourteen operations each, at any magnitude (Müller and Hutter, 2021).

        operation, magnitude and sign are uniform, one of each an image

    The wide space: at 30 of its magnitudes 0 to 30, ShearX and ShearY 0.99, TranslateX and TranslateY 32 pixels, Rotate
    135°, Brightness, Color, Contrast and Sharpness 0.99 more or less, Posterize to 2 bits, Solarize from 0 on.
    Identity, AutoContrast and Equalize have none. The space is torchvision's, its arithmetic Pillow's: levels are
    rounded to whole ones from 0 to 255, the nearest pixel is taken, and what comes from outside is black.

    Raises:
        ValueError: If images have neither one channel nor three.

    Reference: arXiv:2103.10158.
    """

    def check(self, setup):
        check_channels(setup, self.name, 1, 3)

    def draw(self, random, size, step, plan):
        return operations.draw(random, (size,), SPACE, random.integers(operations.BINS, size=size))

    def batch(self, images, targets, operation, amount):
        return operations.operate(levels.whole(images), operation, amount), targets
