"""Residual networks for small images, in the CIFAR form of He et al., 2015, arXiv:1512.03385, section 4.2."""

from typing import Any

from keras import Input, Model, layers


def resnet20(classes: int, input_shape: tuple[int, int, int], width: int = 16) -> Any:
    """Returns a ResNet-20 that takes images in 0..255 and gives logits.

    Args:
        classes: Number of classes.
        input_shape: (height, width, channels), 8×8 and up.
        width: Filters of the first of the three stages; each later one has twice as many.

    Raises:
        ValueError: If the images are smaller than 8×8 or `width` is below one.
    """
    if min(input_shape[:2]) < 8:
        raise ValueError(f"resnet20 takes images of 8×8 pixels and up. Received: input_shape={input_shape}")
    if width < 1:
        raise ValueError(f"`width` must be at least 1 filter. Received: width={width}")
    images = Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = layers.ReLU()(_norm(_conv(x, width, 3)))
    for stage in range(3):
        for block in range(3):
            x = _basic_block(x, width * 2**stage, stride=2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(images, layers.Dense(classes)(x), name="resnet20")


def _basic_block(x, filters: int, stride: int):
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = _norm(_conv(x, filters, 1, stride))
    x = layers.ReLU()(_norm(_conv(x, filters, 3, stride)))
    x = _norm(_conv(x, filters, 3))
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _conv(x, filters: int, size: int, stride: int = 1):
    return layers.Conv2D(filters, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)


def _norm(x):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
