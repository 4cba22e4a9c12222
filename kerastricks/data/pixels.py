"""The files of a data set as one array of pixels, from the cache where it can be kept."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from kerastricks.data.bad import BadImage
from kerastricks.data.cache import Cache, directory
from kerastricks.data.decode import decode, decode_patiently, unwarned
from kerastricks.data.names import shown
from kerastricks.data.threads import each


class Files:
    """Images of files, decoded when they are indexed; behaves as a uint8 array (N, size, size, 3).

    `tolerated` holds the paths of the JPEG files, so far, that simplejpeg refused and Pillow decoded, `bad` the rows of
    those that `check` could not decode and what is wrong with each. A file that cannot be read is tried again.
    """

    def __init__(self, paths: Sequence[str], size: int):
        self.paths = list(paths)
        self.shape = (len(self.paths), size, size, 3)
        self.tolerated: set[str] = set()
        self.bad: list[tuple[int, BadImage]] = []
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __reduce__(self):
        return Files, (self.paths, self.shape[1])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        size = self.shape[1]
        batch = np.empty((len(indices), size, size, 3), "uint8")
        decoded = self._pool.map(lambda index: decode_patiently(self.paths[index], size, self.tolerated), indices)
        for row, image in enumerate(decoded):
            batch[row] = image
        return batch

    def check(self, rows: Sequence[int]) -> None:
        """Decodes some of the images, and lists those that are bad in `bad`."""

        def wrong(row: int) -> BadImage | None:
            try:
                decode(self.paths[row], self.shape[1], self.tolerated)
            except BadImage as error:
                return error
            return None

        with unwarned():
            self.bad = [(row, error) for row, error in zip(rows, each(wrong, rows), strict=True) if error is not None]


class Subset:
    """Some of the images of another array, in a given order."""

    def __init__(self, images: Any, indices: np.ndarray):
        self.images, self.indices = images, indices
        self.shape = (len(indices), *images.shape[1:])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self.images[self.indices[indices]]


def load_pixels(
    paths: Sequence[str],
    size: int,
    cache_size: float,
    report: Callable[[int, int], None],
    rows: np.ndarray | None = None,
    unsure: Sequence[int] = (),
) -> Any:
    """Returns the images of files from the cache, or an array-like that decodes them when they are indexed.

    Its `bad` holds the rows of files that could not be decoded and what is wrong with each.

    Args:
        paths: All files of the data set: they share a cache.
        size: Side in pixels.
        cache_size: Largest cache, in GB of pixels.
        report: Called with the images decoded so far and their total.
        rows: Which images are decoded now, if not all.
        unsure: Rows of files that may be cut short, of which those in `rows` are decoded where there is no cache, too.
    """
    total = len(paths) * size * size * 3 / 1e9
    if total > cache_size:
        warnings.warn(
            f"The decoded images would take {total:.3g} GB, more than the cache may: {cache_size:g} GB. They are "
            "decoded again whenever they are needed. Pass a larger `cache_size`.",
            stacklevel=2,
        )
        return _files(paths, size, rows, unsure)
    try:
        cache = Cache(paths, size)
        cache.build(report, rows)
    except OSError as error:
        warnings.warn(
            f"The decoded images cannot be kept in {shown(directory())}: {error.strerror}. They are decoded again in "
            "each epoch. Free space there, or set KERASTRICKS_CACHE to another folder.",
            stacklevel=2,
        )
        return _files(paths, size, rows, unsure)
    return cache


def _files(paths: Sequence[str], size: int, rows: np.ndarray | None, unsure: Sequence[int]) -> Files:
    files = Files(paths, size)
    files.check(list(unsure) if rows is None else np.intersect1d(unsure, rows).tolist())
    return files


def tolerance(count: int) -> list[str]:
    """Returns a line if JPEG files needed Pillow's more tolerant decoder, else none."""
    return [f"{count} JPEG file{'s' * (count > 1)} needed Pillow's more tolerant decoder."] if count else []


def files_of(images: Any, rows: Sequence[int]) -> list[str]:
    """Returns the files that some images of an array are from; none if it is not made of files."""
    if isinstance(images, Subset):
        return files_of(images.images, images.indices[list(rows)].tolist())
    paths = getattr(images, "paths", None)
    return [] if paths is None else [str(paths[row]) for row in rows]
