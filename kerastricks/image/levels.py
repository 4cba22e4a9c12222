"""8-bit colour arithmetic on levels: the integers from 0 to 255, held in float32 images."""

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

GREY = (0.299, 0.587, 0.114)
LEVELS = 256


def per_sample(values: Any) -> Any:
    """Returns one number per sample, (N,), as (N, 1, 1, 1) in float32."""
    return ops.reshape(ops.cast(values, "float32"), (-1, 1, 1, 1))


def grey(images: Any) -> Any:
    """Returns the brightness of each pixel, (N, H, W, 1): 0.299 R + 0.587 G + 0.114 B, or the single channel."""
    if images.shape[-1] == 1:
        return images
    # Slices: a sum over an axis of three is slow on TensorFlow.
    return sum(weight * images[..., channel : channel + 1] for channel, weight in enumerate(GREY))


def whole(images: Any) -> Any:
    """Returns the nearest levels, integers from 0 to 255."""
    return ops.round(ops.clip(images, 0.0, 255.0))


def grey_levels(images: Any) -> Any:
    """Returns `grey`, rounded to a level; the weights are multiples of 1/65536, so float32 holds each sum exactly."""
    if images.shape[-1] == 1:
        return images
    weights = (19595, 38470, 7471)
    weighted = sum(weight * images[..., channel : channel + 1] for channel, weight in enumerate(weights))
    return ops.floor((weighted + 32768) / 65536)


def mean_level(grey: Any) -> Any:
    """Returns the mean of each image of one channel, rounded to a level, (N, 1, 1, 1); up to 4 million pixels."""
    pixels = grey.shape[1] * grey.shape[2]
    # Whole numbers: float32 holds the sum of a row, but not that of a large image.
    total = ops.sum(ops.cast(ops.sum(grey, axis=2, keepdims=True), "int32"), axis=1, keepdims=True)
    return ops.cast((2 * total + pixels) // (2 * pixels), "float32")


def blend(degraded: Any, images: Any, factor: Any) -> Any:
    """Returns `degraded + factor * (images - degraded)`, rounded twice as by Pillow, from 0 to 255; not yet whole."""
    # A compiler would round product and sum but once, were it not for the `maximum`, which changes nothing.
    product = ops.maximum(factor * (images - degraded), -1e6)
    return ops.clip(degraded + product, 0.0, 255.0)


def smooth(images: Any, chosen: Any) -> Any:
    """Returns each level averaged with its eight neighbours, itself with weight five; zero at the border.

    `chosen`, (N, 1, 1, 1), is 1, or 0 for images that become zero.
    """
    if min(images.shape[1:3]) < 3:
        return ops.zeros_like(images)
    rows = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    box = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    mean = ops.floor((box + 4 * images[:, 1:-1, 1:-1]) * (chosen / 13) + 0.5)
    return ops.pad(mean, ((0, 0), (1, 1), (1, 1), (0, 0)))


def inner(height: int, width: int) -> np.ndarray:
    """Returns 1 for each pixel that has eight neighbours and 0 for the border, (1, H, W, 1)."""
    mask = np.zeros((1, height, width, 1), "float32")
    mask[:, 1:-1, 1:-1] = 1
    return mask


def flat_levels(images: Any) -> Any:
    """Returns the index of each level in the concatenated lookup tables, one table per sample and channel.

    Fractions are cut off.
    """
    channels = images.shape[3]
    table = ops.reshape(ops.arange(ops.shape(images)[0] * channels, dtype="int32"), (-1, 1, 1, channels))
    return table * LEVELS + ops.cast(images, "int32")


def histograms(places: Any, count: Any, channels: int) -> Any:
    """Returns how often each level occurs, (N, C, 256), from the `flat_levels` of `count` images."""
    flat = ops.reshape(places, (-1,))
    if keras.backend.backend() == "jax":  # where `ops.bincount` cannot be compiled
        counts = ops.segment_sum(ops.ones_like(flat), flat, num_segments=count * channels * LEVELS)
    else:  # twice as fast as `ops.segment_sum` on TensorFlow, seven times on PyTorch
        counts = ops.bincount(flat, minlength=count * channels * LEVELS)
    return ops.reshape(counts, (-1, channels, LEVELS))


def look_up(table: Any, places: Any) -> Any:
    """Returns the entries of a lookup table at the indices `places` of its first axis, none of them out of range.

    `ops.take` also checks for negative indices: on a CPU, 2.3 in place of 1.4 ms on TensorFlow for 128 images of 32×32;
    and XLA computes the indices again for each such check, which took RandAugment on JAX from 33 to 51 ms.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return tensorflow.gather(table, places)
    if keras.backend.backend() == "jax":
        return table.at[places].get(mode="promise_in_bounds")
    return table[places]


def extremes(counts: Any) -> tuple[Any, Any]:
    """Returns the lowest and the highest level that occurs, each (N, C), from histograms."""
    level, occurs = ops.arange(LEVELS, dtype="float32"), ops.cast(counts > 0, "float32")
    return 255 - ops.max((255 - level) * occurs, axis=-1), ops.max(level * occurs, axis=-1)


def posterize(bits: Any) -> Any:
    """Returns lookup tables that keep the upper `bits` of a level, (N, 256)."""
    step = ops.round(ops.power(2.0, 8 - ops.expand_dims(bits, -1)))
    return ops.floor(ops.arange(LEVELS, dtype="float32") / step) * step


def solarize(threshold: Any) -> Any:
    """Returns lookup tables that invert levels from `threshold` on, (N, 256)."""
    level = ops.arange(LEVELS, dtype="float32")
    return ops.where(level < ops.expand_dims(threshold, -1), level, 255 - level)


@functools.cache
def stretched_ranges() -> tuple[np.ndarray, np.ndarray]:
    """Returns the levels of each range stretched to 0 to 255, in one row, and where level 0 would stand, by range.

    Pillow computes in float64, which JAX lacks, and for 12,094 levels of 2,828,800 ends below a whole number. That
    leaves 1,504 different rows for the 32,896 ranges `least * 256 + most`. Levels outside of a range stand for nothing.
    """
    beyond = np.zeros(LEVELS, "uint8")
    tables, start, length = [beyond], np.zeros((LEVELS, LEVELS), "int32"), LEVELS
    for width in range(LEVELS):
        least = np.arange(LEVELS - width)[:, np.newaxis]
        level = least + np.arange(width + 1)
        scale = 255.0 / max(width, 1)
        stretched = np.floor(level * scale + -least * scale) if width else level
        rows, which = np.unique(stretched.astype("uint8"), axis=0, return_inverse=True)
        start[least[:, 0], least[:, 0] + width] = length + which.ravel() * (width + 1) - least[:, 0]
        tables.append(rows.ravel())
        length += rows.size
    return np.concatenate([*tables, beyond]), start.ravel()


def autocontrast(least: Any, most: Any) -> Any:
    """Returns lookup tables that stretch `least` to `most`, each (N, C), to the whole range, (N, C, 256).

    Levels outside of `least` to `most` are not looked up.
    """
    table, start = (ops.convert_to_tensor(array) for array in stretched_ranges())
    first = look_up(start, ops.cast(least * LEVELS + most, "int32"))
    places = ops.expand_dims(first, -1) + ops.arange(LEVELS, dtype="int32")
    return ops.cast(look_up(table, places), "float32")


def equalize(counts: Any, most: Any) -> Any:
    """Returns lookup tables that make all levels about equally frequent, (N, C, 256).

    Args:
        counts: Histograms, (N, C, 256).
        most: Highest level that occurs, (N, C).
    """
    counts = ops.cast(counts, "float32")  # exact up to 8 million pixels, and faster to divide than integers
    highest = ops.take_along_axis(counts, ops.expand_dims(ops.cast(most, "int32"), -1), axis=-1)
    step = ops.floor((ops.sum(counts, axis=-1, keepdims=True) - highest) / 255)
    below = ops.cumsum(counts, axis=-1) - counts
    table = ops.floor((ops.floor(step / 2) + below) / ops.maximum(step, 1.0))
    return ops.where(step > 0, ops.minimum(table, 255.0), ops.arange(LEVELS, dtype="float32"))
