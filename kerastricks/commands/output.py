"""Where a command writes to: directories, looked at before the work begins, files, and standard output."""

import contextlib
import itertools
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO


def check_writable(directory: Path, flag: str = "--out") -> None:
    """Raises a `ValueError` where nothing can be written in `directory`, or it cannot be made; leaves nothing behind.

    Args:
        directory: A directory that is there or not.
        flag: What the user is to change.
    """
    made: list[Path] = []
    try:
        made = [path for path in (directory, *directory.parents) if not path.exists()]
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"0")
    except OSError as error:
        reason = f"Nothing can be written in {directory}: {error.strerror}"
        raise ValueError(f"{reason}. Pass another place with {flag}.") from None
    finally:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()


def free_directory(path: str | None) -> Path | None:
    """Returns the directory that is asked for, if any, when it is new or empty.

    Raises:
        ValueError: If it is not, or nothing can be written there, or nothing below `runs` where none is asked for.
    """
    directory = None if path is None else Path(path)
    if directory is not None and directory.is_dir() and any(directory.iterdir()):
        held = "holds a run" if (directory / "run.json").exists() else "is not empty"
        raise ValueError(f"{directory} {held}. Pass another directory with --out, or remove it.")
    if directory is not None and directory.exists() and not directory.is_dir():
        raise ValueError(f"{directory} is a file. Pass a directory with --out.")
    check_writable(directory or Path("runs"))
    return directory


def next_free(name: str) -> Path:
    """Returns the first of runs/name-1, runs/name-2, ... that is not there."""
    return next(path for n in itertools.count(1) if not (path := Path("runs", f"{name}-{n}")).exists())


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Writes a value as JSON that people can read."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextlib.contextmanager
def stream(path: str | None) -> Iterator[TextIO]:
    """Opens a file that is to be new, or yields standard output; an `OSError` of a file names it."""
    if path is None:
        yield sys.stdout
        return
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            yield file
    except OSError as error:
        error.filename = error.filename or path
        raise


def of_output(error: OSError, printer: str) -> bool:
    """Returns whether printing failed, in `printer` or in rich: other files are written by name, and errors tell it."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return error.filename is None and (last.filename == printer or "rich" in Path(last.filename).parts)


def flush_output() -> None:
    """Flushes standard output, where there is one."""
    if sys.stdout is not None:
        sys.stdout.flush()


def drop_output() -> None:
    """Drops what standard output still holds: the interpreter would complain that it cannot be written."""
    with contextlib.suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
