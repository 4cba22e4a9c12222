"""EfficientNet-Lite: the EfficientNets without squeeze-and-excitation, made for processors without much to spare."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from keras import Input, Model, initializers, layers


class _Scale(NamedTuple):
    """Multipliers of the filters and of the repeats, the side of the images, and the dropout."""

    width: float
    depth: float
    side: int
    dropout: float


SCALES = {0: _Scale(1.0, 1.0, 224, 0.2), 1: _Scale(1.0, 1.1, 240, 0.2), 2: _Scale(1.1, 1.2, 260, 0.3)}

# Repeats, kernel size, stride of the first, expansion, filters.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _HEAD, _DIVISOR = 32, 1280, 8


def scaled_filters(filters: int, width: float) -> int:
    """Returns `filters * width` as a multiple of eight, and no more than a tenth below."""
    wanted = filters * width
    rounded = max(_DIVISOR, int(wanted + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return rounded + _DIVISOR if rounded < 0.9 * wanted else rounded


def _initializer() -> Any:
    return initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def _unit(x: Any, convolution: Any, activate: bool = True) -> Any:
    """A convolution, its normalization and, if asked, ReLU6."""
    x = layers.BatchNormalization(momentum=0.99, epsilon=1e-3)(convolution(x))
    return layers.ReLU(6.0)(x) if activate else x


def _conv(filters: int, size: int = 1, stride: int = 1) -> Any:
    return layers.Conv2D(filters, size, stride, padding="same", use_bias=False, kernel_initializer=_initializer())


def _block(x: Any, filters: int, size: int, stride: int, expansion: int) -> Any:
    """An inverted residual: expands, convolves each channel, projects; added to what it was given if that fits."""
    y = x if expansion == 1 else _unit(x, _conv(expansion * x.shape[-1]))
    depthwise = layers.DepthwiseConv2D(size, stride, "same", use_bias=False, depthwise_initializer=_initializer())
    y = _unit(_unit(y, depthwise), _conv(filters), activate=False)
    return layers.Add()([y, x]) if stride == 1 and x.shape[-1] == filters else y


def efficientnet_lite(
    number: int, classes: int, input_shape: tuple[int, int, int], dropout: float | None = None
) -> Any:
    """Returns an EfficientNet-Lite, which takes images in 0..255 and gives logits.

    Args:
        number: 0, 1 or 2.
        classes: Number of classes.
        input_shape: (height, width, channels), 32×32 and up; made for 224, 240 and 260 pixels.
        dropout: Fraction of the features dropped before the last layer, in [0, 1); by default the published one.

    Raises:
        ValueError: If the images are smaller than 32×32.

    Reference: Tan & Le, 2019, arXiv:1905.11946; the Lite form of the TensorFlow TPU repository, 2020.
    """
    name = f"efficientnet_lite{number}"
    if min(input_shape[:2]) < 32:
        raise ValueError(f"{name} takes images of 32×32 pixels and up. Received: input_shape={input_shape}")
    scale = SCALES[number]
    images = Input(input_shape)
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(images)
    x = _unit(x, _conv(_STEM, 3, 2))
    for stage, (repeats, size, stride, expansion, filters) in enumerate(_STAGES):
        ends = stage in (0, len(_STAGES) - 1)
        for repeat in range(repeats if ends else math.ceil(repeats * scale.depth)):
            x = _block(x, scaled_filters(filters, scale.width), size, 1 if repeat else stride, expansion)
    x = layers.GlobalAveragePooling2D()(_unit(x, _conv(_HEAD)))
    x = layers.Dropout(scale.dropout if dropout is None else dropout)(x)
    return Model(images, layers.Dense(classes)(x), name=name)


def shipped() -> dict[str, Callable[..., Any]]:
    """Returns the constructors by name: `efficientnet_lite0`, `efficientnet_lite1`, `efficientnet_lite2`."""
    return {f"efficientnet_lite{number}": functools.partial(efficientnet_lite, number) for number in SCALES}
