"""Where images and labels come from: the built-in digits, a folder, or the caller's arrays."""

import dataclasses
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from kerastricks.data.digits import load_digits
from kerastricks.data.folder import Subset, load_folder
from kerastricks.data.names import shown
from kerastricks.data.split import BY_SEED, stratified_split


@dataclasses.dataclass(frozen=True)
class Data:
    """Images and labels for training and validation, with the names of the classes in the order of the labels.

    Images are uint8, (N, height, width, channels), indexed by an array of indices. `own_split` tells whether the data
    comes with validation images; if not, the seed chooses them. `validation_from` says in words where they come from,
    empty where nobody said. `notes` are lines that a user is to read. `tolerated` holds the paths of JPEG files that
    simplejpeg refused and Pillow decoded; of a folder too large for the cache, those so far.
    """

    name: str
    classes: tuple[str, ...]
    train: tuple[Any, np.ndarray]
    validation: tuple[Any, np.ndarray]
    own_split: bool = True
    validation_from: str = ""
    notes: tuple[str, ...] = ()
    tolerated: Collection[str] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return tuple(self.train[0].shape[1:])

    def part(self, images: int) -> "Data":
        """Returns a subset of about `images` training and as many validation images at most, the same for any seed.

        The proportions of the classes are kept, with at least one image per class.

        Raises:
            ValueError: If that leaves a class without an image.
        """
        sides = []
        for pixels, labels in (self.train, self.validation):
            if images >= len(labels):
                sides.append((pixels, labels))
                continue
            if images < len(self.classes):
                raise ValueError(f"`images` must be at least one per class, {len(self.classes)}. Received: {images}")
            single = np.isin(labels, np.flatnonzero(np.bincount(labels) == 1))
            several = np.flatnonzero(~single)
            _, chosen = stratified_split(labels[several], seed=0, share=images / len(labels))
            chosen = np.sort(np.concatenate([several[chosen], np.flatnonzero(single)]))
            sides.append((Subset(pixels, chosen), labels[chosen]))
        return dataclasses.replace(self, train=sides[0], validation=sides[1])


def load(
    source: str,
    *,
    image_size: int | None = None,
    seed: int = 0,
    cache_size: float = 10.0,
    images: int | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Data:
    """Loads the built-in `digits`, or a folder of images.

    The images of a folder are decoded once, in threads, and kept in a cache outside it: `KERASTRICKS_CACHE`, or
    `kerastricks` in the user's cache directory. Files are only read, never written.

    Args:
        source: `digits`, or the path of a folder `root/class/*.jpg` or `root/{train,val}/class/*.jpg`. For other names
            of the splits see `kerastricks.data.split_folders.NAMES`.
        image_size: Side in pixels to which images of a folder are resized; by default their own if all are equal
            squares, else 224.
        seed: Seed of the stratified split, where the folder has none.
        cache_size: Largest cache, in GB of pixels; beyond it each batch is decoded when it is needed.
        images: Largest number of training images, and of validation images; see `Data.part`.
        report: Called with the images decoded so far and their total.

    Raises:
        ValueError: If there is no such data, or it is not a classification task.
    """
    if source == "digits":
        if image_size is not None:
            raise ValueError(f"`image_size` is for folders; digits are 8×8. Received: image_size={image_size}")
        taken = "`digits` is the built-in data set; pass ./digits for the folder."
        notes = (taken,) if os.path.isdir("digits") else ()
        data = Data("digits", *load_digits(seed), own_split=False, validation_from=BY_SEED, notes=notes)
        return data if images is None else data.part(images)
    if not os.path.isdir(source):
        what = "is a file" if os.path.exists(source) else "does not exist"
        raise ValueError(f"{shown(source)} {what}. Pass `digits`, or a folder with one folder of images per class.")
    root = Path(source)
    data = Data(shown(root.resolve().name), *load_folder(root, image_size, seed, cache_size, report))
    return data if images is None else data.part(images)
