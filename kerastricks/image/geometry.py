"""Random boxes by area and aspect ratio, and resampling per sample: crop and resize, or an affine map."""

import functools
import math
from typing import Any

import numpy as np
from keras import ops

from kerastricks.image.levels import look_up

TRIES = 10
UNITS = 65536  # of which Pillow takes a pixel to consist


def check_ranges(area: tuple[float, float], aspect: tuple[float, float]) -> None:
    """Raises a `ValueError` unless `area` is a range within (0, 1] and `aspect` a range of positive ratios."""
    for name, pair, most in (("area", area, 1.0), ("aspect", aspect, math.inf)):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not 0 < pair[0] <= pair[1] <= most:
            bounds = "in (0, 1]" if most == 1 else "above 0"
            raise ValueError(f"`{name}` must be a pair (least, most) {bounds}, least first. Received: {name}={pair!r}")
        if not math.isfinite(pair[1]):
            raise ValueError(f"`{name}` must be finite. Received: {name}={pair!r}")


def draw_boxes(
    random: np.random.Generator, size: int, area: tuple[float, float], aspect: tuple[float, float]
) -> dict[str, np.ndarray]:
    """Draws `size` boxes: one area and one aspect ratio per try, (size, TRIES), and one position, (size,).

    The area is uniform, and so is the logarithm of the aspect; `row` and `column` are uniform in [0, 1).
    """
    drawn = {
        "area": random.uniform(*area, (size, TRIES)),
        "aspect": np.exp(random.uniform(math.log(aspect[0]), math.log(aspect[1]), (size, TRIES))),
        "row": random.random(size),
        "column": random.random(size),
    }
    return {name: value.astype("float32") for name, value in drawn.items()}


def box_sides(area: Any, aspect: Any, height: int, width: int) -> tuple[Any, Any]:
    """Returns the sides of boxes, in whole pixels; `area` is a fraction of the image, `aspect` first over second."""
    pixels = ops.cast(area, "float32") * (height * width)
    aspect = ops.cast(aspect, "float32")
    return ops.round(ops.sqrt(pixels * aspect)), ops.round(ops.sqrt(pixels / aspect))


def first_that_fits(fits: Any, *sides: Any) -> tuple[Any, ...]:
    """Returns whether any try fits, (N,), and each of `sides`, (N, TRIES), at the first that does, (N,)."""
    fits = ops.cast(fits, "int32")
    first = ops.expand_dims(ops.argmax(fits, axis=1), 1)
    return ops.max(fits, axis=1) > 0, *(ops.squeeze(ops.take_along_axis(side, first, axis=1), 1) for side in sides)


def place(share: Any, side: Any, pixels: int) -> Any:
    """Returns the first pixel of a box of `side` among `pixels`; uniform `share` gives uniform positions."""
    room = pixels - ops.cast(side, "float32")
    # The largest float32 below 1 can round up to `room + 1`.
    return ops.minimum(ops.floor(ops.cast(share, "float32") * (room + 1)), room)


def resize_weights(first: Any, side: Any, pixels: int, size: int) -> Any:
    """Returns the matrices (N, size, pixels) that resize the `side` pixels from `first` to `size`.

    The filter is a triangle over the pixels of the box, widened by the scale when shrinking, against aliasing.
    """
    first, side = (ops.reshape(ops.cast(value, "float32"), (-1, 1, 1)) for value in (first, side))
    scale = side / size
    centre = first + (ops.reshape(ops.arange(size, dtype="float32"), (1, -1, 1)) + 0.5) * scale
    pixel = ops.reshape(ops.arange(pixels, dtype="float32"), (1, 1, -1))
    weight = ops.maximum(0.0, 1 - ops.abs(pixel + 0.5 - centre) / ops.maximum(scale, 1.0))
    inside = ops.logical_and(pixel >= first, pixel < first + side)
    weight = ops.where(inside, weight, 0.0)
    return weight / ops.sum(weight, axis=2, keepdims=True)


def crop_and_resize(images: Any, top: Any, left: Any, tall: Any, wide: Any, size: tuple[int, int]) -> Any:
    """Crops `tall[i]` × `wide[i]` pixels at row `top[i]`, column `left[i]` of image i, and resizes them to `size`.

    Antialiased bilinear: two matrix products, rows first.
    """
    height, width, channels = images.shape[1:]
    rows = ops.matmul(
        resize_weights(top, tall, height, size[0]),
        ops.reshape(images, (-1, height, width * channels)),
    )
    rows = ops.transpose(ops.reshape(rows, (-1, size[0], width, channels)), (0, 2, 1, 3))
    both = ops.matmul(
        resize_weights(left, wide, width, size[1]),
        ops.reshape(rows, (-1, width, size[0] * channels)),
    )
    return ops.transpose(ops.reshape(both, (-1, size[1], size[0], channels)), (0, 2, 1, 3))


def resize(images: Any, size: tuple[int, int]) -> Any:
    """Resizes images (N, H, W, C) to `size`, (height, width), as `crop_and_resize` does."""
    zero, height, width = ([float(side)] for side in (0, *images.shape[1:3]))
    return crop_and_resize(images, zero, zero, height, width, size)


def centre_crop(images: Any, size: tuple[int, int]) -> Any:
    """Crops images (N, H, W, C) to their central `size`, (height, width)."""
    height, width = images.shape[1:3]
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return images[:, top : top + size[0], left : left + size[1]]


@functools.cache
def half_degrees() -> np.ndarray:
    """Returns cosine and sine of 0, 0.5, ..., 359.5°, as whole and remaining units of 1/65536, (720, 4) in float32."""
    angles = np.radians(np.arange(720) / 2)
    units = UNITS * np.round(np.stack([np.cos(angles), np.sin(angles)], axis=1), 15)  # rounded as by Pillow
    whole = np.floor(units)
    return np.concatenate([whole, units - whole], axis=1).astype("float32")


def turn(degrees: Any) -> tuple[Any, Any, Any, Any]:
    """Returns cosine and sine in units of 1/65536: the whole units, int32, and what remains, float32.

    One float32 would hold the units but little of the rest, which the middle of a large image needs. Multiples of half
    a degree come from a table computed in float64, others from there on by the series of the small angle that is left.
    """
    halves = ops.round(degrees * 2)
    place = ops.mod(ops.cast(halves, "int32"), 720)
    cos, sin, cos_rest, sin_rest = ops.unstack(look_up(ops.convert_to_tensor(half_degrees()), place), 4, axis=1)
    angle = (degrees - halves / 2) * (math.pi / 180)
    half_square = angle * angle / 2
    sine = angle - angle * half_square / 3
    cos_rest, sin_rest = (
        cos_rest - cos * half_square - sin * sine,
        sin_rest - sin * half_square + cos * sine,
    )
    return ops.cast(cos, "int32"), ops.cast(sin, "int32"), cos_rest, sin_rest


def fixed(whole: Any, rest: Any) -> Any:
    """Returns the nearest whole units, int32; of two, the upper."""
    return whole + ops.cast(ops.floor(rest + 0.5), "int32")


def turn_and_shear(height: int, width: int, degrees: Any, shear_x: Any, shear_y: Any, right: Any, down: Any) -> Any:
    """Returns the matrices for `affine`, (N, 6), that turn about the middle, shear about the corner, or translate.

    Args:
        height: Of the images.
        width: Of the images.
        degrees: Counter-clockwise, (N,); where it is not 0, the others are.
        shear_x: Columns to the left per row, (N,).
        shear_y: Rows upwards per column, (N,).
        right: Pixels, (N,).
        down: Pixels, (N,).
    """
    cos, sin, cos_rest, sin_rest = turn(degrees)

    def row(size, move, by_x, by_y, shear):
        """The coordinate size / 2 + by_x (x + (1 - width) / 2) + by_y (y + (1 - height) / 2), plus a shear's."""
        shear = shear * UNITS
        whole = ops.floor(shear)
        shear, whole = shear - whole, ops.cast(whole, "int32")
        twice = by_x[0] * (1 - width) + by_y[0] * (1 - height) + whole
        rest = by_x[1] * (1 - width) + by_y[1] * (1 - height) + shear
        middle = ops.right_shift(twice + ops.cast(ops.floor(rest), "int32") + 1, 1)
        return whole, shear, middle + UNITS // 2 * size - ops.cast(ops.floor(move * UNITS + 0.5), "int32")

    whole, rest, x = row(width, right, (cos, cos_rest), (-sin, -sin_rest), shear_x)
    by_y = fixed(whole - sin, rest - sin_rest)
    whole, rest, y = row(height, down, (sin, sin_rest), (cos, cos_rest), shear_y)
    by_x = fixed(whole + sin, rest + sin_rest)
    same = fixed(cos, cos_rest)
    return ops.stack((same, by_y, x, by_x, same, y), axis=1)


def affine(images: Any, matrix: Any) -> Any:
    """Moves to column x and row y of image i the pixel at (a x + b y + c, d x + e y + f); zero where that is outside.

    As Pillow does it, so that ties are broken alike on every backend; sides up to 16,384 pixels.

    Args:
        images: (N, H, W, C).
        matrix: Rows (a, b, c, d, e, f) in whole units of 1/65536, (N, 6) in int32. The coordinates are those of the
            source, from the upper left corner; (c, f) is where the middle of the first pixel comes from.
    """
    height, width, channels = images.shape[1:]
    a, b, c, d, e, f = ops.unstack(ops.reshape(matrix, (-1, 6, 1, 1)), 6, axis=1)
    x = ops.reshape(ops.arange(width, dtype="int32"), (1, 1, -1))
    y = ops.reshape(ops.arange(height, dtype="int32"), (1, -1, 1))
    # A border of zeros stands for all that is outside: faster than `where` with zero.
    column = ops.clip(ops.right_shift(a * x + (b * y + c), 16), -1, width) + 1
    row = ops.clip(ops.right_shift(d * x + (e * y + f), 16), -1, height) + 1
    padded = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    tall, wide = height + 2, width + 2
    first = ops.reshape(ops.arange(ops.shape(images)[0], dtype="int32") * (tall * wide), (-1, 1, 1))
    return look_up(ops.reshape(padded, (-1, channels)), (first + row * wide) + column)
