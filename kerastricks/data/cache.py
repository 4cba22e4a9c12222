"""Decoded images on disk: each file is decoded once, and later epochs and later runs read pixels.

One cache file holds the images of one list of files at one size, one row per image, and before them a table of
checksums and one of the files' identities. A row is valid once its checksum is in the table, and is checked when it is
first read. So no lock is needed: a killed run leaves whole rows, two runs at once write the same rows, and a row that
is cut short or altered is decoded again. What another cache holds already is copied from there.
"""

import hashlib
import os
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kerastricks.data.bad import BadImage
from kerastricks.data.decode import decode, decode_patiently, unwarned
from kerastricks.data.known_rows import KnownRows
from kerastricks.data.names import shown
from kerastricks.data.random_access import RandomAccess
from kerastricks.data.threads import each

VERSION = 3  # of the layout and of the pixels that `decode` returns
_ENTRY = np.dtype("<u8")  # 0 where a row is missing, else its CRC-32 plus one, and `_TOLERATED`
_TOLERATED = 1 << 40  # simplejpeg refused the file, and Pillow decoded it


def directory() -> Path:
    """Returns where caches are kept: `KERASTRICKS_CACHE`, or `kerastricks` in the user's cache directory."""
    chosen = os.environ.get("KERASTRICKS_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base, "kerastricks", "images")


def identities(paths: Sequence[str | Path], size: int) -> tuple[np.ndarray, str]:
    """Returns a number for each file at this size, and the name of the cache of them all.

    A file that changes has another number, and its cache another name.
    """
    whole, numbers = hashlib.sha256(), []
    for path in paths:
        status = os.stat(path)
        text = f"{VERSION} {size}\0{os.path.realpath(path)}\0{status.st_size}\0{status.st_mtime_ns}"
        digest = hashlib.sha256(os.fsencode(text)).digest()
        whole.update(digest)
        numbers.append(int.from_bytes(digest[: _ENTRY.itemsize], "little"))
    return np.array(numbers, _ENTRY), whole.hexdigest()[:32]


class Cache:
    """The images of `paths`, decoded once; behaves as a uint8 array (N, size, size, 3).

    `tolerated` holds the paths of the JPEG files that simplejpeg refused and Pillow decoded, `bad` the rows of those
    that `build` could not decode and what is wrong with each.

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
        self._identities, name = identities(self.paths, size)
        self.path = folder / f"{name}.pixels"
        self._table_bytes = 2 * self._identities.nbytes
        total = self._table_bytes + len(self.paths) * self._row
        self._file = RandomAccess(self.path)
        if self._file.size != total:
            self._file.empty(total, folder)
            self._file.write(self._identities.tobytes(), self._identities.nbytes)
        entries = np.zeros(len(self.paths), _ENTRY)
        self._file.read(entries.view("uint8").data, 0)
        self._table = entries % _TOLERATED
        self.tolerated = {os.fspath(self.paths[index]) for index in np.flatnonzero(entries // _TOLERATED)}
        self._checked = np.zeros(len(self.paths), bool)
        self.bad: list[tuple[int, BadImage]] = []

    def __reduce__(self):
        return Cache, (self.paths, self.shape[1], self.path.parent)  # another process opens the file itself

    def __len__(self):
        return len(self.paths)

    def build(
        self, report: Callable[[int, int], None] = lambda done, total: None, rows: np.ndarray | None = None
    ) -> int:
        """Decodes the missing images, in threads, and returns their number; those that are bad are listed in `bad`.

        Args:
            report: Called with the images decoded so far and their total.
            rows: Which images, if not all.
        """
        absent = np.flatnonzero(self._table == 0)
        absent = absent if rows is None else np.intersect1d(absent, rows)
        self.bad, decoded = [], len(absent)
        known = KnownRows(self.path, self._identities, self._row) if len(absent) else None

        def fill(index: int) -> BadImage | bool:
            """Returns whether the image was copied, or what is wrong with its file."""
            if known is not None and self._copy(index, known):
                return True
            try:
                self._keep(index, decode(self.paths[index], self.shape[1], self.tolerated))
            except BadImage as error:
                return error
            return False

        try:
            with unwarned():
                for done, outcome in enumerate(each(fill, absent.tolist()), start=1):
                    decoded -= bool(outcome)
                    if isinstance(outcome, BadImage):
                        self.bad.append((int(absent[done - 1]), outcome))
                    if done % 256 == 0 or done == len(absent):
                        report(done, len(absent))
        finally:
            if known is not None:
                known.close()
        return decoded

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        images = np.empty((len(indices), *self.shape[1:]), "uint8")
        for position, index in enumerate(np.asarray(indices).tolist()):
            row = images[position].reshape(-1)
            if not self._read(index, row):
                row[:] = self._keep(index, decode_patiently(self.paths[index], self.shape[1], self.tolerated)).reshape(
                    -1
                )
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

    def _copy(self, index: int, known: KnownRows) -> bool:
        """Copies an image from another cache; returns whether that has it whole."""
        image = np.empty(self.shape[1:], "uint8")
        entry = known.read(index, image.reshape(-1).data)
        if not entry or zlib.crc32(image.data) + 1 != entry % _TOLERATED:
            return False
        if entry // _TOLERATED:
            self.tolerated.add(os.fspath(self.paths[index]))
        self._keep(index, image)
        return True

    def _keep(self, index: int, image: np.ndarray) -> np.ndarray:
        """Writes a row, and returns it."""
        path = self.paths[index]
        self._file.write(image.tobytes(), self._offset(index))
        self._table[index] = zlib.crc32(image.tobytes()) + 1
        entry = int(self._table[index]) + _TOLERATED * (os.fspath(path) in self.tolerated)
        self._file.write(np.array(entry, _ENTRY).tobytes(), index * _ENTRY.itemsize)
        self._checked[index] = True
        return image
