"""A file that threads read and write at any position, on every system."""

import errno
import os
import shutil
import threading
from pathlib import Path


class RandomAccess:
    """A file opened for reading and writing at positions, from many threads at once.

    Linux and macOS read and write at a position in one call. Windows does not: there one thread at a time moves the
    position and uses it.

    Raises:
        OSError: If the file cannot be opened or made.
    """

    def __init__(self, path: Path):
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        self._moves = threading.Lock()

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._file).st_size

    def empty(self, size: int, folder: Path) -> None:
        """Makes the file `size` zeros. A disk without the space in `folder` raises now, and not at a later write."""
        os.ftruncate(self._file, 0)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file, 0, size)
            return
        if shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(self._file, size)

    def read(self, into: memoryview, position: int) -> int:
        """Fills `into` with the bytes from `position` on, and returns how many there were."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file, [into], position)
        found = 0
        while found < len(into) and (piece := self._read(len(into) - found, position + found)):
            into[found : found + len(piece)] = piece
            found += len(piece)
        return found

    def write(self, data: bytes, position: int) -> None:
        """Writes all of `data` from `position` on."""
        written = 0
        while written < len(data):
            written += self._write(data[written:], position + written)

    def _read(self, size: int, position: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file, size, position)
        with self._moves:
            os.lseek(self._file, position, os.SEEK_SET)
            return os.read(self._file, size)

    def _write(self, data: bytes, position: int) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._file, data, position)
        with self._moves:
            os.lseek(self._file, position, os.SEEK_SET)
            return os.write(self._file, data)
