"""The files of a data set as one array of pixels, from the cache where it can be kept."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from kerastricks.data.cache import Cache, directory
from kerastricks.data.decode import decode, image_size
from kerastricks.data.names import shown


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


def own_size(paths: Sequence[str], default: int = 224) -> int:
    """Returns the side in pixels of the images if all are equal squares, else `default`; the headers alone are read.

    Raises:
        ValueError: If a file is no image.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = set(pool.map(image_size, paths))
    width, height = next(iter(sizes))
    return width if len(sizes) == 1 and width == height else default


def load_pixels(
    paths: Sequence[str],
    size: int,
    cache_size: float,
    report: Callable[[int, int], None],
    rows: np.ndarray | None = None,
) -> Any:
    """Returns the images of files from the cache, or an array-like that decodes them when they are indexed.

    Args:
        paths: All files of the data set: they share a cache.
        size: Side in pixels.
        cache_size: Largest cache, in GB of pixels.
        report: Called with the images decoded so far and their total.
        rows: Which images are decoded now, if not all.
    """
    total = len(paths) * size * size * 3 / 1e9
    if total > cache_size:
        warnings.warn(
            f"The decoded images would take {total:.3g} GB, more than the cache may: {cache_size:g} GB. They are "
            "decoded again in each epoch. Pass a larger `cache_size`.",
            stacklevel=2,
        )
        return Files(paths, size)
    try:
        cache = Cache(paths, size)
        cache.build(report, rows)
    except OSError as error:
        warnings.warn(
            f"The decoded images cannot be kept in {shown(directory())}: {error.strerror}. They are decoded again in "
            "each epoch. Free space there, or set KERASTRICKS_CACHE to another folder.",
            stacklevel=2,
        )
        return Files(paths, size)
    return cache


def tolerance(count: int) -> list[str]:
    """Returns a line if JPEG files needed Pillow's more tolerant decoder, else none."""
    return [f"{count} JPEG file{'s' * (count > 1)} needed Pillow's more tolerant decoder."] if count else []
