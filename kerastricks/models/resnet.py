"""Residual networks: the CIFAR forms of the original paper, and the ImageNet forms A to D of the bag of tricks."""

import functools
from collections.abc import Callable
from typing import Any

from keras import Input, Model, layers

_CIFAR_DEPTHS = (20, 32, 44, 56, 110)
_IMAGENET_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class _Parts:
    """Convolutions and normalizations with one set of initializers."""

    def __init__(self, kernel_initializer: Any, gamma_initializer: Any):
        self.kernel_initializer, self.gamma_initializer = kernel_initializer, gamma_initializer

    def conv(self, x, filters: int, size: int, stride: int = 1):
        """A convolution without bias; a strided one pads both sides equally, as the published networks do."""
        if stride > 1 and size > 1:
            x = layers.ZeroPadding2D(size // 2)(x)
        padding = "valid" if stride > 1 else "same"
        settings = {"use_bias": False, "kernel_initializer": self.kernel_initializer}
        return layers.Conv2D(filters, size, stride, padding=padding, **settings)(x)

    def norm(self, x, last: bool = False):
        """A normalization; `last` where it ends a residual branch."""
        gamma = self.gamma_initializer if last else "ones"
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma)(x)

    def unit(self, x, filters: int, size: int, stride: int = 1):
        """Convolution, normalization and ReLU."""
        return layers.ReLU()(self.norm(self.conv(x, filters, size, stride)))

    def shortcut(self, x, filters: int, stride: int, pool: bool = False):
        """The identity, or a projection where the shape changes; with `pool` it averages before it projects."""
        if stride == 1 and x.shape[-1] == filters:
            return x
        if pool and stride > 1:
            x, stride = layers.AveragePooling2D(stride, padding="same")(x), 1
        return self.norm(self.conv(x, filters, 1, stride))

    def basic(self, x, filters: int, stride: int, pool: bool = False):
        """Two 3×3 convolutions."""
        y = self.norm(self.conv(self.unit(x, filters, 3, stride), filters, 3), last=True)
        return layers.ReLU()(layers.Add()([y, self.shortcut(x, filters, stride, pool)]))

    def bottleneck(self, x, filters: int, stride: int, pool: bool, first: bool):
        """1×1, 3×3 and 1×1 convolutions, the last with four times `filters`; `first` strides in the first one."""
        y = self.unit(x, filters, 1, stride if first else 1)
        y = self.unit(y, filters, 3, 1 if first else stride)
        y = self.norm(self.conv(y, 4 * filters, 1), last=True)
        return layers.ReLU()(layers.Add()([y, self.shortcut(x, 4 * filters, stride, pool)]))


def cifar_resnet(
    depth: int,
    classes: int,
    input_shape: tuple[int, int, int],
    width: int = 16,
    kernel_initializer: Any = "he_normal",
    gamma_initializer: Any = "ones",
) -> Any:
    """Returns the CIFAR form of a ResNet, which takes images in 0..255 and gives logits.

    Args:
        depth: 20, 32, 44, 56 or 110 layers.
        classes: Number of classes.
        input_shape: (height, width, channels), 8×8 and up.
        width: Filters of the first of the three stages; each later one has twice as many.
        kernel_initializer: Keras initializer of the convolutions.
        gamma_initializer: Keras initializer of γ in the last normalization of each block, such as `zeros`.

    Raises:
        ValueError: If the images are smaller than 8×8 or `width` is below one.

    Reference: He et al., 2015, arXiv:1512.03385, section 4.2.
    """
    name = f"resnet{depth}"
    if min(input_shape[:2]) < 8:
        raise ValueError(f"{name} takes images of 8×8 pixels and up. Received: input_shape={input_shape}")
    _check_width(width)
    parts = _Parts(kernel_initializer, gamma_initializer)
    images = Input(input_shape)
    x = parts.unit(layers.Rescaling(1 / 127.5, offset=-1)(images), width, 3)
    for stage in range(3):
        for block in range((depth - 2) // 6):
            x = parts.basic(x, width * 2**stage, stride=2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(images, layers.Dense(classes)(x), name=name)


def imagenet_resnet(
    depth: int,
    form: str,
    classes: int,
    input_shape: tuple[int, int, int],
    width: int = 64,
    kernel_initializer: Any = "he_normal",
    gamma_initializer: Any = "ones",
) -> Any:
    """Returns the ImageNet form of a ResNet, which takes images in 0..255 and gives logits.

    Form A is the original; B strides in the 3×3 convolution of a block and not in the 1×1 before it; C also has three
    3×3 convolutions in place of the first 7×7; D also averages 2×2 pixels before a strided shortcut projects them.

    Args:
        depth: 18, 34, 50, 101 or 152 layers; in 18 and 34, without 1×1 convolutions, form B equals form A.
        form: `a`, `b`, `c` or `d`.
        classes: Number of classes.
        input_shape: (height, width, channels), 32×32 and up.
        width: Filters of the first of the four stages; each later one has twice as many.
        kernel_initializer: Keras initializer of the convolutions.
        gamma_initializer: Keras initializer of γ in the last normalization of each block, such as `zeros`.

    Raises:
        ValueError: If the images are smaller than 32×32 or `width` is below two.

    Reference: He et al., 2018, arXiv:1812.01187, section 4.
    """
    name = f"resnet{depth}{form}"
    if min(input_shape[:2]) < 32:
        raise ValueError(f"{name} takes images of 32×32 pixels and up. Received: input_shape={input_shape}")
    _check_width(width, least=2)
    parts = _Parts(kernel_initializer, gamma_initializer)
    images = Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    if form in "cd":
        x = parts.unit(x, width // 2, 3, 2)
        x = parts.unit(x, width // 2, 3)
        x = parts.unit(x, width, 3)
    else:
        x = parts.unit(x, width, 7, 2)
    # After a ReLU, padding with zeros is padding with the smallest value.
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for stage, blocks in enumerate(_IMAGENET_BLOCKS[depth]):
        for block in range(blocks):
            filters, stride, pool = width * 2**stage, 2 if stage and not block else 1, form == "d"
            x = (
                parts.basic(x, filters, stride, pool)
                if depth < 50
                else parts.bottleneck(x, filters, stride, pool, first=form == "a")
            )
    x = layers.GlobalAveragePooling2D()(x)
    return Model(images, layers.Dense(classes)(x), name=name)


def _check_width(width: int, least: int = 1) -> None:
    if width < least:
        raise ValueError(f"`width` must be at least {least} filter{'s' * (least > 1)}. Received: width={width}")


def shipped() -> dict[str, Callable[..., Any]]:
    """Returns the constructors by name: `resnet20`, … for CIFAR shapes; `resnet50a`, … `resnet50d` for ImageNet's."""
    found: dict[str, Callable[..., Any]] = {
        f"resnet{depth}": functools.partial(cifar_resnet, depth) for depth in _CIFAR_DEPTHS
    }
    for depth in _IMAGENET_BLOCKS:
        for form in "abcd":
            found[f"resnet{depth}{form}"] = functools.partial(imagenet_resnet, depth, form)
    return found
