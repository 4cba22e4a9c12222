"""Images in folders: `root/class/*.jpg`, or `root/{train,val}/class/*.jpg`."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from kerastricks.data.cache import Cache, directory
from kerastricks.data.decode import decode, image_size
from kerastricks.data.split import stratified_split

VALIDATION_NAMES = ("val", "validation", "valid", "test")
_JUNK = ("thumbs.db", "desktop.ini")


class Files:
    """Images of files, decoded when they are indexed; behaves as a uint8 array (N, size, size, 3)."""

    def __init__(self, paths: Sequence[str], size: int):
        self.paths = list(paths)
        self.shape = (len(self.paths), size, size, 3)
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __reduce__(self):
        return Files, (self.paths, self.shape[1])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        size = self.shape[1]
        batch = np.empty((len(indices), size, size, 3), "uint8")
        decoded = self._pool.map(lambda index: decode(self.paths[index], size), indices)
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


def load_folder(
    root: Path, size: int | None, seed: int, cache_size: float, report: Callable[[int, int], None]
) -> tuple[tuple[str, ...], tuple, tuple, bool]:
    """Returns the class names, (images, labels) for training and for validation, and whether the folder splits them.

    See `kerastricks.data.load`.
    """
    held_out = next((root / name for name in VALIDATION_NAMES if (root / name).is_dir()), None)
    train_root = root / "train"
    own_split = held_out is not None and train_root.is_dir()
    if own_split:
        assert held_out is not None
        classes, paths, labels = scan(train_root)
        validation_classes, validation_paths, validation_labels = scan(held_out)
        _check_same(classes, validation_classes, held_out)
        chosen = np.arange(len(paths))
        validation = len(paths) + np.arange(len(validation_paths))
        paths, labels = paths + validation_paths, np.concatenate([labels, validation_labels])
    else:
        classes, paths, labels = scan(root)
        chosen, validation = _split(classes, labels, seed)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = set(pool.map(image_size, paths))
    if size is None:
        width, height = next(iter(sizes))
        size = width if len(sizes) == 1 and width == height else 224
    images = _pixels(paths, size, cache_size, report)
    train, held_back = ((Subset(images, part), labels[part]) for part in (chosen, validation))
    return classes, train, held_back, own_split


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
            f"The decoded images cannot be kept in {directory()}: {error.strerror}. They are decoded again in each "
            "epoch. Free space there, or set KERASTRICKS_CACHE to another folder.",
            stacklevel=2,
        )
        return Files(paths, size)
    return cache


def scan(root: Path) -> tuple[tuple[str, ...], list[str], np.ndarray]:
    """Returns the class names, sorted, the files of all classes, and their labels.

    Names that start with a dot or two underscores are skipped, and so are the files that desktops leave behind.

    Raises:
        ValueError: If there are fewer than two classes, or one without files.
    """
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not _hidden(entry.name))
    if not folders:
        raise ValueError(f"{root} has no class folders. Put the images of each class in a folder of its own in it.")
    if len(folders) < 2:
        raise ValueError(f"{root} has one class, '{folders[0].name}'. A classifier needs at least two.")
    paths: list[str] = []  # a `Path` takes ten times the memory
    labels: list[int] = []
    for label, folder in enumerate(folders):
        found = [
            os.path.join(parent, name)
            for parent, _, names in os.walk(folder)
            for name in names
            if not _hidden(name) and name.lower() not in _JUNK
        ]
        if not found:
            raise ValueError(f"The class '{folder.name}' in {root} is empty. Add images to it, or remove the folder.")
        paths += sorted(found)
        labels += [label] * len(found)
    return tuple(folder.name for folder in folders), paths, np.array(labels, "int32")


def _hidden(name: str) -> bool:
    return name.startswith((".", "__"))


def _split(classes: Sequence[str], labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < 2:
        raise ValueError(
            f"The class '{classes[int(counts.argmin())]}' has one image: it needs two, one to train on and one to "
            "validate. Add images, or bring your own split as train/ and val/."
        )
    return stratified_split(labels, seed)


def _check_same(train: Sequence[str], validation: Sequence[str], folder: Path) -> None:
    parts = []
    if missing := sorted(set(train) - set(validation)):
        parts.append(f"only in train: {', '.join(missing)}")
    if extra := sorted(set(validation) - set(train)):
        parts.append(f"only in {folder.name}: {', '.join(extra)}")
    if parts:
        raise ValueError(f"The classes of train/ and {folder.name}/ differ in {folder.parent}: {'; '.join(parts)}.")
