"""Images in folders: `root/class/*.jpg`, or `root/{train,val}/class/*.jpg`."""

import os
import warnings
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kerastricks.data.cache import Cache, directory
from kerastricks.data.decode import decode, image_size
from kerastricks.data.names import shown
from kerastricks.data.split import BY_SEED, stratified_split
from kerastricks.data.split_folders import split_folders
from kerastricks.data.walk import subfolders, walk


class Files:
    """Images of files, decoded when they are indexed; behaves as a uint8 array (N, size, size, 3).

    `tolerated` holds the paths of the JPEG files, so far, that simplejpeg refused and Pillow decoded.
    """

    def __init__(self, paths: Sequence[str], size: int):
        self.paths = list(paths)
        self.shape = (len(self.paths), size, size, 3)
        self.tolerated: set[str] = set()
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __reduce__(self):
        return Files, (self.paths, self.shape[1])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        size = self.shape[1]
        batch = np.empty((len(indices), size, size, 3), "uint8")
        decoded = self._pool.map(lambda index: decode(self.paths[index], size, self.tolerated), indices)
        for row, image in enumerate(decoded):
            batch[row] = image
        return batch


class Subset:
    """Some of the images of another array, in a given order."""

    def __init__(self, images: Any, indices: np.ndarray):
        self.images, self.indices = images, indices
        self.shape = (len(indices), *images.shape[1:])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self.images[self.indices[indices]]


class Folder(NamedTuple):
    """What a folder holds, in the order of the fields of `kerastricks.data.Data` after its name."""

    classes: tuple[str, ...]
    train: tuple[Subset, np.ndarray]
    validation: tuple[Subset, np.ndarray]
    own_split: bool
    validation_from: str
    notes: tuple[str, ...]
    tolerated: Collection[str]


class Found(NamedTuple):
    """Class names, sorted, the files of all classes, their labels, and lines that a user is to know."""

    classes: tuple[str, ...]
    paths: list[str]
    labels: np.ndarray
    notes: list[str]


def load_folder(
    root: Path, size: int | None, seed: int, cache_size: float, report: Callable[[int, int], None]
) -> Folder:
    """Returns the images of a folder; see `kerastricks.data.load`.

    Validation images are those of the folder for validation, else those of the one for tests, else chosen by the seed.
    """
    splits = split_folders(str(root))
    if splits:
        held_out = splits.get("validation") or splits["test"]
        classes, paths, labels, notes = scan(root / splits["train"])
        others, validation_paths, validation_labels, more = scan(root / held_out)
        _check_same(classes, others, root, splits["train"], held_out)
        chosen = np.arange(len(paths))
        validation = len(paths) + np.arange(len(validation_paths))
        paths, labels = paths + validation_paths, np.concatenate([labels, validation_labels])
        unused = [f"{shown(name)}/" for name in subfolders(str(root)) if name not in (splits["train"], held_out)]
        notes = notes + more + ([f"Not used: {', '.join(unused)}."] if unused else [])
        source = f"{held_out}/" if "validation" in splits else f"{held_out}/ (it is not tested on again)"
    else:
        classes, paths, labels, notes = scan(root)
        chosen, validation = _split(classes, labels, seed)
        source = BY_SEED
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = set(pool.map(image_size, paths))
    if size is None:
        width, height = next(iter(sizes))
        size = width if len(sizes) == 1 and width == height else 224
    images = _pixels(paths, size, cache_size, report)
    if count := len(images.tolerated):
        notes = [*notes, f"{count} JPEG file{'s' * (count > 1)} needed Pillow's more tolerant decoder."]
    train, held_back = ((Subset(images, part), labels[part]) for part in (chosen, validation))
    return Folder(classes, train, held_back, bool(splits), source, tuple(notes), images.tolerated)


def _pixels(paths: list[str], size: int, cache_size: float, report: Callable[[int, int], None]) -> Any:
    """Returns the images of `paths` from the cache, or an array-like that decodes them when they are indexed."""
    pixels = len(paths) * size * size * 3 / 1e9
    if pixels > cache_size:
        warnings.warn(
            f"The decoded images would take {pixels:.3g} GB, more than the cache may: {cache_size:g} GB. They are "
            "decoded again in each epoch. Pass a larger `cache_size`.",
            stacklevel=2,
        )
        return Files(paths, size)
    try:
        cache = Cache(paths, size)
        cache.build(report)
    except OSError as error:
        warnings.warn(
            f"The decoded images cannot be kept in {shown(directory())}: {error.strerror}. They are decoded again in "
            "each epoch. Free space there, or set KERASTRICKS_CACHE to another folder.",
            stacklevel=2,
        )
        return Files(paths, size)
    return cache


def scan(root: Path) -> Found:
    """Returns the files of each class: the folders directly in `root`, each with all that lies below it.

    Raises:
        ValueError: If there are fewer than two classes, or one without files.
    """
    tree = walk(str(root))
    folders = sorted(tree.files)
    if not folders:
        raise ValueError(
            f"{shown(root)} has no class folders. Put the images of each class in a folder of its own in it."
        )
    if len(folders) < 2:
        raise ValueError(f"{shown(root)} has one class, '{shown(folders[0])}'. A classifier needs at least two.")
    paths: list[str] = []  # a `Path` takes ten times the memory
    labels: list[int] = []
    for label, folder in enumerate(folders):
        found = tree.files[folder]
        if not found:
            raise ValueError(
                f"The class '{shown(folder)}' in {shown(root)} is empty. Add images to it, or remove the folder."
            )
        paths += sorted(found)
        labels += [label] * len(found)
    return Found(tuple(map(shown, folders)), paths, np.array(labels, "int32"), tree.notes())


def _split(classes: Sequence[str], labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < 2:
        raise ValueError(
            f"The class '{classes[int(counts.argmin())]}' has one image: it needs two, one to train on and one to "
            "validate. Add images, or bring your own split as train/ and val/."
        )
    return stratified_split(labels, seed)


def _check_same(train: Sequence[str], validation: Sequence[str], root: Path, first: str, second: str) -> None:
    parts = []
    if missing := sorted(set(train) - set(validation)):
        parts.append(f"only in {first}: {', '.join(missing)}")
    if extra := sorted(set(validation) - set(train)):
        parts.append(f"only in {second}: {', '.join(extra)}")
    if parts:
        raise ValueError(f"The classes of {first}/ and {second}/ differ in {shown(root)}: {'; '.join(parts)}.")
