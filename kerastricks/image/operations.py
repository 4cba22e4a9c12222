"""The fourteen operations of RandAugment and TrivialAugment, one per sample, on whole batches.

Every batch goes through three passes: an affine map, a blend with a degraded image, a lookup table of levels. A pass
leaves samples with an operation of another pass unchanged.
"""

from typing import Any

import numpy as np
from keras import ops

from kerastricks.image import levels
from kerastricks.image.geometry import affine, turn_and_shear

NAMES = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)
SIGNED = np.array([1 <= index <= 9 for index in range(len(NAMES))])
BINS = 31


def magnitudes(most: float) -> np.ndarray:
    """Returns 31 numbers from 0 to `most` in float32, to the last bit as `torch.linspace`: from both ends inwards.

    The second half is `most` less so many steps, rounded once.
    """
    end, index = np.float32(most), np.arange(BINS)
    step = np.float64(end / np.float32(BINS - 1))
    return np.where(index < BINS // 2, step * index, end - step * (BINS - 1 - index)).astype("float32")


def amounts(shear: float, translate: float, degrees: float, blend: float, bits: int) -> np.ndarray:
    """Returns the amount of each operation at each magnitude, (14, 31), from the largest amounts.

    `bits` is how many of a level's eight bits Posterize removes at most.
    """
    table = np.zeros((len(NAMES), BINS), "float32")
    for name, most in (
        *(("ShearX", shear), ("ShearY", shear), ("TranslateX", translate), ("TranslateY", translate)),
        *(("Rotate", degrees), ("Brightness", blend), ("Color", blend), ("Contrast", blend), ("Sharpness", blend)),
    ):
        table[NAMES.index(name)] = magnitudes(most)
    table[NAMES.index("Posterize")] = 8 - np.round(magnitudes(bits))
    table[NAMES.index("Solarize")] = 255 - magnitudes(255)
    return table


def draw(random: np.random.Generator, shape: tuple[int, ...], table: np.ndarray, magnitude: Any) -> dict:
    """Draws operations of `shape`, uniformly, and their amounts at `magnitude` from `table`, with random signs."""
    operation = random.integers(len(NAMES), size=shape)
    sign = np.where(random.integers(2, size=shape), 1, -1)
    amount = table[operation, magnitude] * np.where(SIGNED[operation], sign, 1)
    return {"operation": operation.astype("int32"), "amount": amount.astype("float32")}


def operate(images: Any, operation: Any, amount: Any) -> Any:
    """Applies to image i the operation with the index `operation[i]` in `NAMES`.

    Args:
        images: (N, H, W, C), one channel or three, integers from 0 to 255.
        operation: (N,).
        amount: (N,): slope, pixels, degrees counter-clockwise, change of a blend's factor, bits kept, or threshold.
    """
    operation, amount = ops.cast(operation, "int32"), ops.cast(amount, "float32")
    images = _blend(_move(images, operation, amount), operation, amount)
    return _look_up(images, operation, amount)


def _is(operation: Any, name: str) -> Any:
    return operation == NAMES.index(name)


def _move(images, operation, amount):
    height, width = images.shape[1:3]

    def only(name):
        return ops.where(_is(operation, name), amount, 0.0)

    names = ("Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY")
    return affine(images, turn_and_shear(height, width, *(only(name) for name in names)))


def _blend(images, operation, amount):
    """Moves levels away from those of a degraded image by `amount` times the distance.

    Written as sums of products, since `where` on whole images takes longer. For other operations the degraded image is
    black and the factor 1, which leaves the image unchanged.
    """

    def only(*names):
        return levels.per_sample(sum(ops.cast(_is(operation, name), "float32") for name in names))

    grey, sharpness = levels.grey_levels(images), only("Sharpness")
    flat = only("Color") * grey + only("Contrast") * levels.mean_level(grey)
    inner = ops.convert_to_tensor(levels.inner(*images.shape[1:3]))
    factor = 1 + levels.per_sample(amount) * (only("Brightness", "Color", "Contrast") + sharpness * inner)
    return levels.blend(flat + levels.smooth(images, sharpness), images, factor)


def _look_up(images, operation, amount):
    channels = images.shape[3]

    def where(name, one, other):
        return ops.where(ops.reshape(_is(operation, name), (-1, 1, 1)), one, other)

    places = levels.flat_levels(images)
    counts = levels.histograms(places, ops.shape(images)[0], channels)
    least, most = levels.extremes(counts)
    bits = ops.where(_is(operation, "Posterize"), amount, 8.0)
    table = ops.expand_dims(levels.posterize(bits), 1)
    table = where("Solarize", ops.expand_dims(levels.solarize(amount), 1), table)
    table = where("AutoContrast", levels.autocontrast(least, most), table)
    table = where("Equalize", levels.equalize(counts, most), table)
    return levels.look_up(ops.reshape(table, (-1,)), places)
