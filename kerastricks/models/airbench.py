"""The network of airbench94: eight layers that learn CIFAR-10 in ten epochs, from a whitening of the images on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import Input, Model, initializers, layers, ops

from kerastricks.models.graph import all_layers

MEAN = (0.4914, 0.4822, 0.4465)  # of CIFAR-10's training images, red, green and blue in 0..1
DEVIATION = (0.2470, 0.2435, 0.2616)

# The covariance of their 2×2 patches (row, column, channel), scaled by these and not centred; the lower triangle.
# Measured on copies in JPEG, quality 75, with colours at half the resolution.
COVARIANCE = (
    (0.9818,),
    (0.9075, 0.9919),
    (0.7925, 0.9074, 0.9912),
    (0.9124, 0.8385, 0.7294, 0.9811),
    (0.8384, 0.9207, 0.8424, 0.9068, 0.9912),
    (0.7294, 0.8425, 0.9300, 0.7919, 0.9067, 0.9904),
    (0.8974, 0.8250, 0.7152, 0.8472, 0.7751, 0.6699, 0.9726),
    (0.8222, 0.9043, 0.8247, 0.7724, 0.8529, 0.7780, 0.8973, 0.9794),
    (0.7150, 0.8272, 0.9123, 0.6696, 0.7803, 0.8681, 0.7814, 0.8927, 0.9735),
    (0.8466, 0.7746, 0.6693, 0.8968, 0.8243, 0.7145, 0.9033, 0.8283, 0.7183, 0.9720),
    (0.7717, 0.8523, 0.7774, 0.8214, 0.9036, 0.8240, 0.8282, 0.9083, 0.8278, 0.8966, 0.9787),
    (0.6691, 0.7799, 0.8676, 0.7142, 0.8264, 0.9115, 0.7183, 0.8279, 0.9124, 0.7807, 0.8919, 0.9727),
)


def patch_covariance(images: np.ndarray) -> np.ndarray:
    """Returns the covariance of the 2×2 patches of scaled images (N, H, W, C), not centred; (4C, 4C).

    The entries of a patch are ordered by row, column and channel.
    """
    height, width = images.shape[1] - 1, images.shape[2] - 1
    corners = [images[:, row : row + height, column : column + width] for row in (0, 1) for column in (0, 1)]
    patches = np.concatenate(corners, axis=-1).reshape(-1, 4 * images.shape[-1]).astype("float64")
    return patches.T @ patches / len(patches)


def whitening(covariance: np.ndarray, epsilon: float = 5e-4) -> np.ndarray:
    """Returns the kernel (2, 2, C, 8C) of a convolution that whitens patches of a covariance, and its negative.

        v / sqrt(λ + epsilon) and -v / sqrt(λ + epsilon), for each eigenvector v, from the largest eigenvalue λ on

    Reference: Page, 2018, "How to train your ResNet"; Jordan, 2024, arXiv:2404.00498, section 3.2.
    """
    values, vectors = np.linalg.eigh(covariance)
    scaled = (vectors / np.sqrt(values + epsilon))[:, ::-1]
    return np.concatenate([scaled, -scaled], axis=1).reshape(2, 2, len(covariance) // 4, -1).astype("float32")


def whiten(network: Any, images: np.ndarray) -> None:
    """Makes an `airbench` network whiten patches of images, in place: it begins with the covariance of CIFAR-10's.

    Args:
        network: A network that `kerastricks.models.build("airbench", ...)` made, before it is trained.
        images: Training images in 0..255, (N, H, W, 3), a few hundred or more.

    Raises:
        ValueError: If the network has no whitening layer.
    """
    found = {layer.name: layer for layer in all_layers(network)}
    if "whitening" not in found:
        raise ValueError(f"`whiten` is for the network airbench. Received: {network.name}, without a whitening layer.")
    scaled = ops.convert_to_numpy(found["scaling"](np.asarray(images, "float32")))
    found["whitening"].set_weights([whitening(patch_covariance(scaled))])


def dirac(shape: tuple[int, int, int, int], seed: int | None = None) -> Any:
    """Returns a kernel whose first filters pass their channel on; the others are uniform, ± 1 / sqrt(inputs).

    Args:
        shape: (height, width, channels, filters).
        seed: Seed of the other filters; None for Keras' global one.
    """
    height, width, channels, filters = shape
    passing = np.zeros(shape, "float32")
    own = range(min(channels, filters))
    passing[height // 2, width // 2, own, own] = 1
    return ops.where(ops.arange(filters) < channels, passing, _uniform(seed)(shape))


def _uniform(seed: int | None = None) -> Any:
    """PyTorch's initializer of layers without a bias."""
    return initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed=seed)


def _unit(x: Any, filters: int, pool: bool) -> Any:
    """A convolution, its normalization without γ, and GELU."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer=_uniform())(x)
    x = layers.MaxPooling2D(2)(x) if pool else x
    x = layers.BatchNormalization(momentum=0.6, epsilon=1e-12, scale=False)(x)
    return layers.Activation("gelu")(x)


def airbench(classes: int, input_shape: tuple[int, int, int], width: int = 64) -> Any:
    """Returns the network of airbench94, which takes images in 0..255 and gives logits.

    A frozen 2×2 convolution whitens the patches of the images by the statistics of CIFAR-10; `whiten` takes those of
    other images. It has no bias, where Jordan's has one that learns at first: no layer of plain Keras freezes a kernel
    alone. Three blocks of two 3×3 convolutions follow, whose first filters begin as the identity, each with a
    maximum over 2×2 pixels after the first; then the maximum over all pixels, a ninth of which the last layer gets.

    Args:
        classes: Number of classes.
        input_shape: (height, width, 3), 9×9 and up; made for 32×32.
        width: Filters of the first block; the two others have four times as many.

    Raises:
        ValueError: If the images are too small or not in colour, or `width` is below one.

    Reference: Jordan, 2024, arXiv:2404.00498; github.com/KellerJordan/cifar10-airbench, `airbench94.py`.
    """
    if min(input_shape[:2]) < 9 or input_shape[-1] != 3:
        raise ValueError(f"airbench takes images of 9×9 pixels and up, in colour. Received: input_shape={input_shape}")
    if width < 1:
        raise ValueError(f"`width` must be at least 1 filter. Received: width={width}")
    images = Input(input_shape)
    scale, offset = (1 / (255 * np.array(DEVIATION))).tolist(), (-np.array(MEAN) / DEVIATION).tolist()
    x = layers.Rescaling(scale, offset=offset, name="scaling")(images)
    x = layers.Activation("gelu")(layers.Conv2D(24, 2, use_bias=False, trainable=False, name="whitening")(x))
    for filters in (width, 4 * width, 4 * width):
        x = _unit(_unit(x, filters, pool=True), filters, pool=False)
    x = layers.Rescaling(1 / 9)(layers.GlobalMaxPooling2D()(x))
    last = layers.Dense(classes, use_bias=False, kernel_initializer=_uniform())
    network = Model(images, last(x), name="airbench")
    # Values, and not initializers of our own: the saved model is plain Keras.
    first, *others = (layer for layer in network.layers if isinstance(layer, layers.Conv2D))
    lower = np.array([(*row, *[0.0] * (len(COVARIANCE) - len(row))) for row in COVARIANCE])
    first.kernel.assign(whitening(lower + np.tril(lower, -1).T))
    for layer in others:
        layer.kernel.assign(dirac(layer.kernel.shape))
    return network


def shipped() -> dict[str, Callable[..., Any]]:
    """Returns the constructor by its name, `airbench`."""
    return {"airbench": airbench}
