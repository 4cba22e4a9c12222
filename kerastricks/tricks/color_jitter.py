"""Random changes of brightness, contrast, saturation and hue."""

import dataclasses

import numpy as np
from keras import ops

from kerastricks.image import levels
from kerastricks.training.checks import check_channels, check_levels
from kerastricks.training.trick import Trick

# The YIQ axes of NTSC: grey, and two axes of colour whose coefficients sum to zero, so that grey has no colour.
YIQ = np.array([levels.GREY, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)])
GREY = np.tile(YIQ[0], (3, 1))
COLOUR = np.eye(3) - GREY
TURNED = np.linalg.inv(YIQ) @ [[0, 0, 0], [0, 0, -1], [0, 1, 0]] @ YIQ  # the colour, rotated by a quarter turn


def colour_matrix(brightness, saturation, hue):
    """Returns the 3×3 matrices, (N, 3, 3), from RGB to RGB; each argument is (N,), `hue` in units of 180°."""
    brightness, saturation, angle = (
        ops.reshape(ops.cast(value, "float32"), (-1, 1, 1)) for value in (brightness, saturation, hue * np.pi)
    )
    grey, colour, turned = (ops.convert_to_tensor(part, "float32") for part in (GREY, COLOUR, TURNED))
    return brightness * (grey + saturation * (ops.cos(angle) * colour + ops.sin(angle) * turned))


def color_jitter(images, brightness, contrast, saturation, hue):
    """Scales the brightness, contrast (about the mean grey) and saturation of each image, and rotates its hue.

    Args:
        images: (N, H, W, C), one channel or three, in 0 to 255.
        brightness: Coefficient, (N,); 1 changes nothing.
        contrast: Likewise.
        saturation: Likewise; for three channels.
        hue: Rotation in the YIQ plane of colours, in units of 180°, (N,); 0 changes nothing. For three channels.
    """
    height, width, channels = images.shape[1:]
    mean = ops.mean(levels.grey(images), axis=(1, 2), keepdims=True) * levels.per_sample(brightness)
    if channels == 1:
        images = images * levels.per_sample(brightness)
    else:
        rows = ops.reshape(images, (-1, height * width, channels))
        matrix = ops.transpose(colour_matrix(brightness, saturation, hue), (0, 2, 1))
        images = ops.reshape(ops.matmul(rows, matrix), (-1, height, width, channels))
    contrast = levels.per_sample(contrast)
    return ops.clip(contrast * images + (1 - contrast) * mean, 0.0, 255.0)


@dataclasses.dataclass(frozen=True)
class ColorJitter(Trick):
    """Trains on images whose brightness, contrast, saturation and hue are changed at random, afresh in every epoch.

        coefficient ~ U(1 - x, 1 + x) for brightness, contrast and saturation; hue rotated by U(-x, x) times 180°

    The hue rotates in the YIQ plane of colours, as in MXNet; pixels are clipped to 0 to 255. The paper scales hue,
    saturation and brightness by coefficients in [0.6, 1.4]; its published code has contrast in place of hue. On images
    of one channel, only brightness and contrast change.

    Args:
        brightness: Largest distance x of the coefficient from 1; 0 to 1.
        contrast: Likewise, about the mean grey of the image.
        saturation: Likewise.
        hue: Largest rotation, in units of 180°; 0 to 1.

    Raises:
        ValueError: If a setting is out of its range, if none has an effect, or if images have neither one channel nor
            three.

    Reference: He et al., 2018, arXiv:1812.01187, section 2.1.
    """

    brightness: float = 0.4
    contrast: float = 0.0
    saturation: float = 0.4
    hue: float = 0.4

    def __post_init__(self):
        settings = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name, value in settings.items():
            if not 0 <= value <= 1:
                raise ValueError(f"`{name}` must lie between 0 and 1. Received: {name}={value}")
        if not any(settings.values()):
            raise ValueError(
                "ColorJitter would have no effect: brightness, contrast, saturation and hue are all 0. "
                f"Received: {self}. Raise one of them, or leave ColorJitter out."
            )

    def check(self, setup):
        channels = check_channels(setup, self.name, 1, 3)
        check_levels(setup, self.name)
        if channels == 1 and not self.brightness and not self.contrast:
            raise ValueError(
                "ColorJitter would have no effect: images of one channel have neither saturation nor hue. "
                f"Received: {self}. Raise `brightness` or `contrast`, or leave ColorJitter out."
            )

    def draw(self, random, size, step, plan):
        widths = (self.brightness, self.contrast, self.saturation, self.hue)
        brightness, contrast, saturation, hue = (random.uniform(-x, x, size).astype("float32") for x in widths)
        return {"brightness": 1 + brightness, "contrast": 1 + contrast, "saturation": 1 + saturation, "hue": hue}

    def batch(self, images, targets, brightness, contrast, saturation, hue):
        return color_jitter(images, brightness, contrast, saturation, hue), targets
