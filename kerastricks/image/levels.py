"""8-bit colour arithmetic on levels: the integers from 0 to 255, held in float32 images."""

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
    """Returns the mean of each image of one channel, rounded to a level, (N, 1, 1, 1)."""
    return ops.floor(ops.mean(grey, axis=(1, 2), keepdims=True) + 0.5)


def smooth(images: Any) -> Any:
    """Returns each level averaged with its eight neighbours, itself with weight five; not valid at the border."""
    rows = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    box = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    return ops.floor((box + 4 * images) / 13 + 0.5)


def inner(height: int, width: int) -> np.ndarray:
    """Returns 1 for each pixel that has eight neighbours and 0 for the border, (1, H, W, 1)."""
    mask = np.zeros((1, height, width, 1), "float32")
    mask[:, 1:-1, 1:-1] = 1
    return mask


def flat_levels(images: Any) -> Any:
    """Returns the index of each level in the concatenated lookup tables, one table per sample and channel."""
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


def autocontrast(least: Any, most: Any) -> Any:
    """Returns lookup tables that stretch `least` to `most`, each (N, C), to the whole range, (N, C, 256)."""
    level = ops.arange(LEVELS, dtype="float32")
    least, most = ops.expand_dims(least, -1), ops.expand_dims(most, -1)
    stretched = ops.floor((level - least) * 255 / ops.maximum(most - least, 1.0))
    return ops.where(most > least, ops.clip(stretched, 0.0, 255.0), level)


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
