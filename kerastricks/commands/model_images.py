"""Images as a finished model sees them: the centre of the decoded square, in the model's own channels."""

from typing import Any

import keras
import numpy as np

from kerastricks.image.geometry import centre_crop
from kerastricks.image.levels import grey_levels
from kerastricks.models.graph import has_graph
from kerastricks.models.saved import Description


def input_shape(model: Any, found: Description) -> tuple[int, int, int]:
    """Returns (height, width, channels) of the images that a model takes; what its graph leaves open is as described.

    Raises:
        ValueError: If the images are decoded to smaller squares, or the model takes neither colour nor grey.
    """
    size = found.image_size
    described = (size, size, found.channels)
    shape = model.input_shape[1:] if has_graph(model) else described
    shape = tuple(given if own is None else own for own, given in zip(shape, described, strict=True))
    if max(shape[:2]) > size or shape[2] not in (1, 3):
        raise ValueError(
            f"The model takes images of shape {shape}, and is described for squares of {size} pixels. Expected at "
            "least as many, and 1 or 3 channels. Describe it anew with kerastricks.models.describe."
        )
    return shape


def fit(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Returns images (N, H, W, C) as the model sees them, float32: their centre, the grey of colours as Pillow's `L`.

    Args:
        images: In 0..255.
        shape: Height, width and channels of the model's images.

    Raises:
        ValueError: If the images are smaller, or grey where the model takes colour.
    """
    if images.shape[3] < shape[2] or images.shape[1] < shape[0] or images.shape[2] < shape[1]:
        raise ValueError(
            f"The model takes images of shape {tuple(shape)}. Expected no smaller ones, and colour where it takes "
            f"colour. Received: {images.shape[1:]}. Pass images like those that it was trained on."
        )
    images = centre_crop(images, shape[:2]).astype("float32")
    return images if images.shape[3] == shape[2] else keras.ops.convert_to_numpy(grey_levels(images))


class Fitted:
    """The images of another array as a model sees them, fitted when they are indexed."""

    def __init__(self, images: Any, shape: tuple[int, int, int]):
        self.images, self.shape = images, (images.shape[0], *shape)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return fit(self.images[indices], self.shape[1:])
