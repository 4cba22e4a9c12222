"""A checkpoint as one file: arrays and a header, no code, with a checksum of every byte."""

import hashlib
import io
import json
import os
from typing import Any, NamedTuple

import numpy as np

from kerastricks.data import atomic

FORMAT = 1
_END = b"kerastricks ckpt"
_HEADER = "header"


class Saved(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        header: Plain values, as JSON has them.
        arrays: Arrays by name, in their order.
    """

    header: dict[str, Any]
    arrays: dict[str, np.ndarray]


def write(path: str | os.PathLike[str], saved: Saved) -> int:
    """Writes a checkpoint, whole or not at all, and returns its size in bytes.

    The file is an `.npz` of NumPy's, not compressed, followed by the SHA-256 of all before and 16 bytes that name the
    format. `numpy.load` opens it.

    Raises:
        OSError: If it cannot be written; a file that stood there is as it was.
    """
    header = json.dumps({"format": FORMAT, **saved.header}, allow_nan=True)
    with atomic.replacing(path) as beside, open(beside, "wb") as file:
        stream = _Hashed(file)
        np.savez(stream, **{_HEADER: np.frombuffer(header.encode(), "uint8")}, **saved.arrays)  # type: ignore[arg-type]
        file.write(stream.digest() + _END)
        return file.tell()


def read(path: str | os.PathLike[str]) -> Saved:
    """Returns what a checkpoint holds.

    Raises:
        ValueError: If a byte of it is another than was written, or it is of a format that is not known.
        OSError: If it cannot be read.
    """
    with open(path, "rb") as file:
        return parsed(file.read(), os.fspath(path))


def parsed(content: bytes, name: str) -> Saved:
    """Returns what a checkpoint of some bytes holds; errors as of `read`, under a name."""
    end = len(content) - len(_END)
    body, digest = memoryview(content)[: max(0, end - 32)], content[max(0, end - 32) : end]
    if content[end:] != _END or hashlib.sha256(body).digest() != digest:
        raise ValueError(f"{name} is no whole checkpoint: its bytes are not those that were written.")
    with np.load(io.BytesIO(body), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    header = json.loads(arrays.pop(_HEADER).tobytes())
    if header["format"] != FORMAT:
        raise ValueError(
            f"{name} is a checkpoint of format {header['format']}; this version of kerastricks reads "
            f"{FORMAT}. Resume it with the version that wrote it."
        )
    return Saved(header, arrays)


class _Hashed:
    """A file that is written from its beginning to its end, and whose bytes are hashed on the way."""

    def __init__(self, file: Any):
        self._file, self._hash = file, hashlib.sha256()

    def write(self, data: Any) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def digest(self) -> bytes:
        return self._hash.digest()

    def read(self, size: int = -1) -> bytes:  # NumPy asks for the method of whatever it writes to
        raise io.UnsupportedOperation("read")
