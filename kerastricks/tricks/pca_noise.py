"""Noise along the principal components of colour."""

import dataclasses

import numpy as np
from keras import ops

from kerastricks.training.checks import check_channels, check_levels
from kerastricks.training.trick import Trick

# Principal components of ImageNet's (R, G, B) in 0 to 255, one per column, and the standard deviation along each.
COMPONENTS = np.array(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ]
)
DEVIATIONS = np.array([55.46, 4.794, 1.148])


def pca_noise(images, alpha):
    """Adds to all pixels of image i the colour p_1 λ_1 α_1 + p_2 λ_2 α_2 + p_3 λ_3 α_3.

    Args:
        images: (N, H, W, 3), in 0 to 255.
        alpha: Coefficients of the components, (N, 3).
    """
    colour = ops.matmul(ops.cast(alpha, "float32"), ops.convert_to_tensor((COMPONENTS * DEVIATIONS).T, "float32"))
    return images + ops.reshape(colour, (-1, 1, 1, 3))


@dataclasses.dataclass(frozen=True)
class PCANoise(Trick):
    """Adds one random colour to all pixels of each image, drawn afresh in every epoch (AlexNet's colour noise).

        image + sum of p_i λ_i α_i, α_i ~ N(0, deviation): p and λ from the principal components of ImageNet's colours

    Images are in 0 to 255 before; the result is not clipped.

    Args:
        deviation: Standard deviation of the coefficients, above 0.

    Raises:
        ValueError: If `deviation` is not positive, or images do not have three channels.

    Reference: Krizhevsky et al., 2012, section 4.1; He et al., 2018, arXiv:1812.01187, section 2.1.
    """

    deviation: float = 0.1

    def __post_init__(self):
        if not 0 < self.deviation < float("inf"):
            raise ValueError(f"`deviation` must be positive. Received: deviation={self.deviation}")

    def check(self, setup):
        check_channels(setup, self.name, 3)
        check_levels(setup, self.name)

    def draw(self, random, size, step, plan):
        return {"alpha": random.normal(0, self.deviation, (size, 3)).astype("float32")}

    def batch(self, images, targets, alpha):
        return pca_noise(images, alpha), targets
