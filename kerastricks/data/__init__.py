"""Where images and labels come from: the built-in digits, a folder, or the caller's arrays."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kerastricks.data.digits import load_digits
from kerastricks.data.folder import load_folder


@dataclasses.dataclass(frozen=True)
class Data:
    """Images and labels for training and validation, with the names of the classes in the order of the labels.

    Images are uint8, (N, height, width, channels), indexed by an array of indices.
    """

    name: str
    classes: tuple[str, ...]
    train: tuple[Any, np.ndarray]
    validation: tuple[Any, np.ndarray]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return tuple(self.train[0].shape[1:])


def load(
    source: str,
    *,
    image_size: int | None = None,
    seed: int = 0,
    cache_size: float = 10.0,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Data:
    """Loads the built-in `digits`, or a folder of images.

    The images of a folder are decoded once, in threads, and kept in a cache outside it: `KERASTRICKS_CACHE`, or
    `kerastricks` in the user's cache directory. Files are only read, never written.

    Args:
        source: `digits`, or the path of a folder `root/class/*.jpg` or `root/{train,val}/class/*.jpg`.
        image_size: Side in pixels to which images of a folder are brought; by default their own if all are equal
            squares, else 224.
        seed: Seed of the stratified split, where the folder brings none.
        cache_size: Largest cache, in GB of pixels; beyond it each batch is decoded when it is asked for.
        report: Called with the images decoded so far and their total.

    Raises:
        ValueError: If there is no such data, or it does not make a classification task.
    """
    if source == "digits":
        if image_size is not None:
            raise ValueError(f"`image_size` is for folders; digits are 8×8. Received: image_size={image_size}")
        return Data("digits", *load_digits(seed))
    root = Path(source)
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise ValueError(f"{source} {what}. Pass `digits`, or a folder with one folder of images a class.")
    return Data(root.resolve().name, *load_folder(root, image_size, seed, cache_size, report))
