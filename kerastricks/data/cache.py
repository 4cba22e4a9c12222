"""Decoded images on disk: each file is decoded once, and later epochs and later runs read pixels.

One cache file holds the images of one list of files at one size, one row per image, and a table of checksums. A row is
valid once its checksum is in the table, and is checked when it is first read. So no lock is needed: a killed run leaves
whole rows, two runs at once write the same rows, and a row that is cut short or altered is decoded again.
"""

import hashlib
import os
import warnings
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kerastricks.data.decode import decode
from kerastricks.data.names import shown
from kerastricks.data.random_access import RandomAccess

VERSION = 2  # of the layout and of the pixels that `decode` returns
_ENTRY = np.dtype("<u8")  # 0 where a row is missing, else its CRC-32 plus one, and `_TOLERATED`
_TOLERATED = 1 << 40  # simplejpeg refused the file, and Pillow decoded it


def directory() -> Path:
    """Returns where caches are kept: `KERASTRICKS_CACHE`, or `kerastricks` in the user's cache directory."""
    chosen = os.environ.get("KERASTRICKS_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base, "kerastricks", "images")


def fingerprint(paths: Sequence[str | Path], size: int) -> str:
    """Returns the name of the cache of these files at this size; a file that changes gives another name."""
    digest = hashlib.sha256(f"{VERSION} {size}".encode())
    for path in paths:
        status = os.stat(path)
        digest.update(os.fsencode(f"\0{os.path.realpath(path)}\0{status.st_size}\0{status.st_mtime_ns}"))
    return digest.hexdigest()[:32]


class Cache:
    """The images of `paths`, decoded once; behaves as a uint8 array (N, size, size, 3).

    `tolerated` holds the paths of the JPEG files that simplejpeg refused and Pillow decoded.

    Args:
        paths: The image files.
        size: Side of the images in pixels.
        folder: Where the cache is kept; never the user's data.

    Raises:
        OSError: If the cache cannot be written there.
    """

    def __init__(self, paths: Sequence[str | Path], size: int, folder: Path | None = None):
        self.paths = list(paths)
        self.shape = (len(self.paths), size, size, 3)
        self._row = size * size * 3
        folder = folder or directory()
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{fingerprint(self.paths, size)}.pixels"
        self._table_bytes = len(self.paths) * _ENTRY.itemsize
        total = self._table_bytes + len(self.paths) * self._row
        self._file = RandomAccess(self.path)
        if self._file.size != total:
            self._file.empty(total, folder)
        entries = np.zeros(len(self.paths), _ENTRY)
        self._file.read(entries.view("uint8").data, 0)
        self._table = entries % _TOLERATED
        self.tolerated = {os.fspath(self.paths[index]) for index in np.flatnonzero(entries // _TOLERATED)}
        self._checked = np.zeros(len(self.paths), bool)

    def __reduce__(self):
        return Cache, (self.paths, self.shape[1], self.path.parent)  # another process opens the file itself

    def __len__(self):
        return len(self.paths)

    def build(
        self, report: Callable[[int, int], None] = lambda done, total: None, rows: np.ndarray | None = None
    ) -> int:
        """Decodes the missing images, in threads, and returns their number.

        Args:
            report: Called with the images decoded so far and their total.
            rows: Which images, if not all.

        Raises:
            ValueError: If a file cannot be decoded.
        """
        absent = np.flatnonzero(self._table == 0)
        absent = absent if rows is None else np.intersect1d(absent, rows)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done, _ in enumerate(pool.map(self._decode, absent.tolist()), start=1):
                if done % 256 == 0 or done == len(absent):
                    report(done, len(absent))
        return len(absent)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        images = np.empty((len(indices), *self.shape[1:]), "uint8")
        for position, index in enumerate(np.asarray(indices).tolist()):
            row = images[position].reshape(-1)
            if not self._read(index, row):
                row[:] = self._decode(index).reshape(-1)
        return images

    def __del__(self):
        if hasattr(self, "_file"):
            self._file.close()

    def _offset(self, index: int) -> int:
        return self._table_bytes + index * self._row

    def _read(self, index: int, row: np.ndarray) -> bool:
        """Reads a row; returns whether it is whole."""
        if self._table[index] == 0 or self._file.read(row.data, self._offset(index)) != self._row:
            return False
        if not self._checked[index]:
            if zlib.crc32(row.data) + 1 != self._table[index]:
                where = f"{shown(self.path)}: the image of {shown(self.paths[index])}"
                warnings.warn(f"{where} was altered; decoded again", stacklevel=3)
                return False
            self._checked[index] = True
        return True

    def _decode(self, index: int) -> np.ndarray:
        path = self.paths[index]
        image = decode(path, self.shape[1], self.tolerated)
        self._file.write(image.tobytes(), self._offset(index))
        self._table[index] = zlib.crc32(image.tobytes()) + 1
        entry = int(self._table[index]) + _TOLERATED * (os.fspath(path) in self.tolerated)
        self._file.write(np.array(entry, _ENTRY).tobytes(), index * _ENTRY.itemsize)
        self._checked[index] = True
        return image
