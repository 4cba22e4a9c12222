"""Where images and labels come from: the built-in digits, a folder, a CSV file, or the caller's arrays."""

import dataclasses
import os
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from kerastricks.data import digits, duplicates
from kerastricks.data import source as sources
from kerastricks.data.counts import balance as balance
from kerastricks.data.counts import per_class
from kerastricks.data.division import divide
from kerastricks.data.gathered import gather
from kerastricks.data.labelled import Labelled as Labelled
from kerastricks.data.labelled import load_for as load_for
from kerastricks.data.pixels import Subset, tolerance
from kerastricks.data.pixels import files_of as files_of
from kerastricks.data.split import by_seed, stratified_split


@dataclasses.dataclass(frozen=True)
class Data:
    """Images and labels for training and validation, with the names of the classes in the order of the labels.

    Images are uint8, (N, height, width, channels), indexed by an array of indices. `own_split` tells whether the data
    comes with validation images; if not, the seed chooses them. `validation_from` says in words where they come from,
    empty where nobody said. `notes` are lines that a user is to read. `tolerated` holds the paths of JPEG files that
    simplejpeg refused and Pillow decoded; of a folder too large for the cache, those so far. `test` holds images that
    nothing is trained or chosen on, where the data comes with some. `set_aside` holds the bad files that were left out,
    each with its reason. `duplicates` is the number of validation and test images that are among the training images
    too, byte for byte.
    """

    name: str
    classes: tuple[str, ...]
    train: tuple[Any, np.ndarray]
    validation: tuple[Any, np.ndarray]
    own_split: bool = True
    validation_from: str = ""
    notes: tuple[str, ...] = ()
    tolerated: Collection[str] = ()
    test: tuple[Any, np.ndarray] | None = None
    set_aside: tuple[tuple[str, str], ...] = ()
    duplicates: int = 0

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return tuple(self.train[0].shape[1:])

    def counts(self) -> dict[str, int]:
        """Returns the number of training images of each class; `kerastricks.data.balance` says it in a line."""
        return per_class(self.classes, self.train[1])

    def part(self, images: int) -> "Data":
        """Returns a subset of about `images` training, validation and test images each at most, the same for any seed.

        The proportions of the classes are kept, with at least one image per class.

        Raises:
            ValueError: If that leaves a class without an image.
        """

        def some(pixels: Any, labels: np.ndarray) -> tuple[Any, np.ndarray]:
            if images >= len(labels):
                return pixels, labels
            if images < len(self.classes):
                raise ValueError(f"`images` must be at least one per class, {len(self.classes)}. Received: {images}")
            single = np.isin(labels, np.flatnonzero(np.bincount(labels) == 1))
            several = np.flatnonzero(~single)
            _, chosen = stratified_split(labels[several], seed=0, share=images / len(labels))
            chosen = np.sort(np.concatenate([several[chosen], np.flatnonzero(single)]))
            return Subset(pixels, chosen), labels[chosen]

        test = None if self.test is None else some(*self.test)
        return dataclasses.replace(self, train=some(*self.train), validation=some(*self.validation), test=test)


def load(
    source: str,
    *,
    image_size: int | None = None,
    seed: int = 0,
    cache_size: float | None = None,
    images: int | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
    deepest: bool = False,
    default_size: int = 224,
    allow_bad: str | None = None,
) -> Data:
    """Loads the built-in `digits`, a folder of images, or a CSV file of paths and labels.

    The images are decoded once, in threads, and kept in a cache outside the folder: `KERASTRICKS_CACHE`, or
    `kerastricks` in the user's cache directory. Files are only read, never written. Before that the header of every
    file is read; all files that are no images are told at once, and so are those that cannot be decoded.

    Args:
        source: `digits`, the path of a folder `root/class/*.jpg` or `root/{train,val,test}/class/*.jpg`, or that of a
            .csv file with a header such as `path,label` or `path,label,split`; paths are relative to its folder. For
            other names of the splits see `kerastricks.data.split_folders.NAMES`, for other headers
            `kerastricks.data.csv_file`.
        image_size: Side in pixels to which images are resized; by default their own if all are equal squares, else
            `default_size`.
        seed: Seed of the stratified split, where the data brings no validation images: a fifth of those to train on.
        cache_size: Largest cache, in GB of pixels, by default 10; beyond it each batch is decoded when it is needed.
        images: Largest number of training images, of validation images and of test images; see `Data.part`.
        report: Called with the images decoded so far and their total.
        deepest: Whether each folder that holds images is a class, such as `Fruit/Apple`, however deep it lies; by
            default the classes are the first level of folders.
        default_size: Side in pixels of images of several sizes.
        allow_bad: How many files may be bad, a number such as `3` or a share such as `1%`; they are left out before the
            split, and listed in `set_aside`. By default none.

    Raises:
        ValueError: If there is no such data, it is not a classification task, or more files are bad than are allowed.
    """
    if source == "digits":
        digits.check_size(image_size)
        digits.check_files(deepest=deepest, allow_bad=allow_bad)
        taken = "`digits` is the built-in data set; pass ./digits for the folder."
        said = (taken,) if os.path.isdir("digits") else ()
        data = Data("digits", *digits.load_digits(seed), own_split=False, validation_from=by_seed(), notes=said)
        return data if images is None else data.part(images)
    listing = sources.read(source, deepest)
    divide(listing, seed)  # what is wrong with the folders is said before files are read
    found = gather(
        listing,
        splits=listing.splits,
        image_size=image_size,
        default_size=default_size,
        cache_size=cache_size,
        report=report,
        allow_bad=allow_bad,
        to_train=True,
    )
    parts = divide(found.listing, seed)
    held_out = [part[0] for part in (parts.validation, parts.test) if part is not None]
    rows = [found.rows[rows] for rows in (parts.train[0], np.concatenate(held_out))]
    twice = duplicates.find(listing.paths, found.found.sizes, found.found.starts, *rows)

    def side(part: tuple[np.ndarray, np.ndarray]) -> tuple[Subset, np.ndarray]:
        rows, labels = part
        return found.images(rows), labels

    notes = [*parts.notes, *found.notes, *duplicates.note(twice), *tolerance(len(found.pixels.tolerated))]
    data = Data(
        sources.name_of(source),
        parts.classes,
        side(parts.train),
        side(parts.validation),
        parts.own_split,
        parts.validation_from,
        tuple(notes),
        found.pixels.tolerated,
        None if parts.test is None else side(parts.test),
        found.set_aside,
        len(twice),
    )
    return data if images is None else data.part(images)
