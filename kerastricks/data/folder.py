"""Images in folders: `root/class/*.jpg`, or `root/{train,val}/class/*.jpg`."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from kerastricks.data.decode import decode, image_size
from kerastricks.data.split import stratified_split

VALIDATION_NAMES = ("val", "validation", "valid", "test")
IN_MEMORY_BYTES = 2**30
_JUNK = ("thumbs.db", "desktop.ini")


class Files:
    """Images of files, decoded where they are indexed; behaves as a uint8 array (N, size, size, 3)."""

    def __init__(self, paths: Sequence[Path], size: int):
        self.paths = list(paths)
        self.shape = (len(self.paths), size, size, 3)
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        size = self.shape[1]
        batch = np.empty((len(indices), size, size, 3), "uint8")
        decoded = self._pool.map(lambda index: decode(self.paths[index], size), indices)
        for row, image in enumerate(decoded):
            batch[row] = image
        return batch


def load_folder(root: Path, size: int | None, seed: int) -> tuple[tuple[str, ...], tuple, tuple]:
    """Returns the class names, and (images, labels) for training and for validation.

    Up to `IN_MEMORY_BYTES` of pixels are decoded at once and kept; beyond that, each batch is decoded when it is
    asked for. Files are only read, never written.

    Raises:
        ValueError: If the folder does not make a classification task, or a file in it is no image.
    """
    held_out = next((root / name for name in VALIDATION_NAMES if (root / name).is_dir()), None)
    train_root = root / "train"
    if held_out is not None and train_root.is_dir():
        classes, paths, labels = scan(train_root)
        validation_classes, validation_paths, validation_labels = scan(held_out)
        _check_same(classes, validation_classes, held_out)
    else:
        classes, paths, labels = scan(root)
        chosen, validation = _split(classes, labels, seed)
        validation_paths, validation_labels = [paths[i] for i in validation], labels[validation]
        paths, labels = [paths[i] for i in chosen], labels[chosen]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = set(pool.map(image_size, [*paths, *validation_paths]))
    if size is None:
        width, height = next(iter(sizes))
        size = width if len(sizes) == 1 and width == height else 224
    total = (len(paths) + len(validation_paths)) * size * size * 3
    train: Any = Files(paths, size)
    test: Any = Files(validation_paths, size)
    if total <= IN_MEMORY_BYTES:
        train, test = (files[np.arange(len(files))] for files in (train, test))
    return classes, (train, labels), (test, validation_labels)


def scan(root: Path) -> tuple[tuple[str, ...], list[Path], np.ndarray]:
    """Returns the class names, sorted, the files of all classes, and their labels.

    Names that start with a dot or two underscores are passed over, and so are the files that desktops leave behind.

    Raises:
        ValueError: If there are fewer than two classes, or one without files.
    """
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not _hidden(entry.name))
    if not folders:
        raise ValueError(f"{root} has no class folders. Put the images of each class in a folder of its own in it.")
    if len(folders) < 2:
        raise ValueError(f"{root} has one class, '{folders[0].name}'. A classifier needs at least two.")
    paths: list[Path] = []
    labels: list[int] = []
    for label, folder in enumerate(folders):
        found = [
            Path(parent, name)
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
