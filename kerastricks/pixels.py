"""Colour: grey, and what the pictures' own 8-bit arithmetic does to it, for float32 images that hold whole levels."""

from typing import Any

from keras import ops

GREY = (0.299, 0.587, 0.114)
LEVELS = 256


def check_channels(images: Any, name: str, *allowed: int) -> None:
    """Raises a `ValueError` unless `images` have one of the `allowed` numbers of channels."""
    if images.shape[-1] not in allowed:
        numbers = " or ".join(map(str, allowed))
        raise ValueError(
            f"{name} needs images with {numbers} channels, (N, height, width, channels). "
            f"Received: shape={tuple(images.shape)}. Convert the images, or leave {name} out."
        )


def per_sample(values: Any) -> Any:
    """Returns one number a sample, (N,), as (N, 1, 1, 1) in float32."""
    return ops.reshape(ops.cast(values, "float32"), (-1, 1, 1, 1))


def grey(images: Any) -> Any:
    """Returns the brightness of each pixel, (N, H, W, 1): 0.299 R + 0.587 G + 0.114 B, or the single channel."""
    if images.shape[-1] == 1:
        return images
    # Slices: a sum over an axis of three is slow on TensorFlow.
    return sum(weight * images[..., channel : channel + 1] for channel, weight in enumerate(GREY))


def whole(images: Any) -> Any:
    """Returns the nearest levels, whole numbers from 0 to 255."""
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
    """Returns each level averaged with its eight neighbours, itself counted five times; the border stays."""
    height, width = images.shape[1:3]
    if min(height, width) < 3:
        return images
    rows = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    box = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    middle = images[:, 1:-1, 1:-1]
    inner = ops.floor((box + 4 * middle) / 13 + 0.5)
    rows = ops.concatenate([images[:, 1:-1, :1], inner, images[:, 1:-1, -1:]], axis=2)
    return ops.concatenate([images[:, :1], rows, images[:, -1:]], axis=1)


def blend(degenerate: Any, images: Any, factor: Any) -> Any:
    """Returns levels on the line from `degenerate` (factor 0) over `images` (factor 1), cut off as 8-bit pixels are."""
    return ops.floor(ops.clip(degenerate + per_sample(factor) * (images - degenerate), 0.0, 255.0))


def flat_levels(images: Any) -> Any:
    """Returns the level of each pixel as its place in one long row of tables, one a sample and channel."""
    channels = images.shape[3]
    table = ops.reshape(ops.arange(ops.shape(images)[0] * channels, dtype="int32"), (-1, 1, 1, channels))
    return table * LEVELS + ops.cast(images, "int32")


def histograms(places: Any, count: Any, channels: int) -> Any:
    """Returns how often each level occurs, (N, C, 256), from what `flat_levels` gives for `count` images."""
    flat = ops.reshape(places, (-1,))
    counts = ops.segment_sum(ops.ones_like(flat), flat, num_segments=count * channels * LEVELS)
    return ops.reshape(counts, (-1, channels, LEVELS))


def posterize(bits: Any) -> Any:
    """Returns tables that keep the upper `bits` of a level, (N, 256)."""
    step = ops.round(ops.power(2.0, 8 - ops.expand_dims(bits, -1)))
    return ops.floor(ops.arange(LEVELS, dtype="float32") / step) * step


def solarize(threshold: Any) -> Any:
    """Returns tables that invert levels from `threshold` on, (N, 256)."""
    level = ops.arange(LEVELS, dtype="float32")
    return ops.where(level < ops.expand_dims(threshold, -1), level, 255 - level)


def autocontrast(least: Any, most: Any) -> Any:
    """Returns tables that stretch the levels from `least` to `most`, each (N, C), over all, (N, C, 256)."""
    level = ops.arange(LEVELS, dtype="float32")
    least, most = ops.expand_dims(least, -1), ops.expand_dims(most, -1)
    stretched = ops.floor((level - least) * 255 / ops.maximum(most - least, 1.0))
    return ops.where(most > least, ops.clip(stretched, 0.0, 255.0), level)


def equalize(counts: Any, most: Any) -> Any:
    """Returns tables that make all levels about as frequent, (N, C, 256).

    Args:
        counts: Histograms, (N, C, 256).
        most: Highest level that occurs, (N, C).
    """
    highest = ops.take_along_axis(counts, ops.expand_dims(ops.cast(most, "int32"), -1), axis=-1)
    step = ops.floor_divide(ops.sum(counts, axis=-1, keepdims=True) - highest, 255)
    below = ops.cumsum(counts, axis=-1) - counts
    table = ops.floor_divide(ops.floor_divide(step, 2) + below, ops.maximum(step, 1))
    level = ops.arange(LEVELS, dtype="float32")
    return ops.where(step > 0, ops.cast(ops.minimum(table, 255), "float32"), level)
