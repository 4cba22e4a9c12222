"""Files that are whole or not there: written beside their place, forced to the disk, and moved into it."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a path to write to; what stands there afterwards takes the place of `path`, in one step.

    If the block raises, or the process dies at any moment, `path` is as it was. A file is on the disk when the block
    ends. The path to write to has the suffix of `path` and begins with a dot, as hidden files do.

    Raises:
        OSError: If the disk is full or the directory cannot be written; `path` is as it was.
    """
    path = Path(path)
    beside = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_directory(path.parent)
    except OSError as error:
        if error.filename in (None, str(beside)):
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def sweep(directory: Path) -> None:
    """Removes what processes that died while they wrote a file of `directory` left there; none may be at work there."""
    for beside in directory.glob(".????????-*"):
        if re.fullmatch(r"\.[0-9a-f]{8}-.+", beside.name):
            beside.unlink(missing_ok=True)


def write(path: str | os.PathLike[str], *parts: bytes | memoryview) -> None:
    """Writes a file of these bytes, whole or not at all; see `replacing`."""
    with replacing(path) as beside, open(beside, "wb") as file:
        for part in parts:
            file.write(part)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a file of UTF-8 text, whole or not at all; see `replacing`."""
    write(path, text.encode())


def sync_directory(directory: Path) -> None:
    """Forces the names in a directory to the disk, where the system can: Windows opens no directory."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
