"""Where a command writes to: directories, looked at before the work begins, files, and standard output."""

import contextlib
import errno
import json
import math
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from kerastricks.commands import resume

LOCK = ".lock"  # of `run_lock`; a process that was killed leaves it behind, and it means nothing then
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_writable(directory: Path, flag: str = "--out") -> None:
    """Raises a `ValueError` where nothing can be written in `directory`, or it cannot be made; leaves nothing behind.

    Args:
        directory: A directory that is there or not.
        flag: What the user is to change.
    """
    try:
        with made(directory), tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"0")
    except OSError as error:
        raise unwritable(directory, error, flag) from None


def unwritable(directory: Path, error: OSError, flag: str = "--out") -> ValueError:
    """Returns the error that says why nothing can be written in `directory`."""
    return ValueError(
        f"Nothing can be written in {directory}: {reason(error, directory)}. Pass another place with {flag}."
    )


@contextlib.contextmanager
def made(directory: Path) -> Iterator[None]:
    """Makes a directory where it is not there, and removes what it made if that is empty in the end."""
    new: list[Path] = []
    try:
        new += [path for path in (directory, *directory.parents) if not path.exists()]
        directory.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        remove_empty(new)


def remove_empty(directories: Iterable[Path]) -> None:
    """Removes those directories that are empty."""
    for path in directories:
        with contextlib.suppress(OSError):
            path.rmdir()


def reason(error: BaseException, path: Path) -> str:
    """Returns what an exception says; where the disk is full, with the bytes that are free at `path`."""
    if not isinstance(error, OSError):
        return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(" :.")
    said = error.strerror or " ".join(str(error).split())
    if error.errno not in _FULL:
        return said
    there = next(one for one in (path, *path.absolute().parents) if one.is_dir())
    return f"{said} ({shutil.disk_usage(there).free:,} bytes are free there)"


def free_directory(path: str | None) -> Path | None:
    """Returns the directory that is asked for, if any, when it is new or empty.

    Raises:
        ValueError: If it is not, or nothing can be written there, or nothing below `runs` where none is asked for.
    """
    directory = None if path is None else Path(path)
    if directory is not None and directory.is_dir() and set(os.listdir(directory)) - {LOCK}:
        if resume.is_unfinished(directory):
            raise ValueError(
                f"{resume.shown(directory)} holds a run that is not finished. `{resume.words(directory)}` goes on with "
                "it; pass another directory with --out to begin one."
            )
        held = "holds a run" if (directory / "run.json").exists() else "is not empty"
        raise ValueError(f"{directory} {held}. Pass another directory with --out, or remove it.")
    if directory is not None and directory.exists() and not directory.is_dir():
        raise ValueError(f"{directory} is a file. Pass a directory with --out.")
    check_writable(directory or Path("runs"))
    return directory


def next_free(name: str) -> Path:
    """Makes the first of runs/name-1, runs/name-2, ... that is not there, and returns it: nobody else gets it."""
    number = 1
    while True:
        path = Path("runs", f"{name}-{number}")
        path.parent.mkdir(exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        except FileNotFoundError:  # another process took `runs` along, for it was empty
            continue
        else:
            return path


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a value as JSON that people can read, whole or not at all.

    JSON has no NaN and no infinity: `null` stands for them, and a line of `notes` says where.
    """
    lost: list[str] = []
    whole = {name: _finite(one, name, lost) for name, one in value.items()}
    if lost:
        more = f" and {len(lost) - 3:,} more" if len(lost) > 3 else ""
        line = f"Not finite, and written as null: {', '.join(lost[:3])}{more}."
        whole["notes"] = [*(whole.get("notes") or ()), line]
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, f"{text}\n")


def _finite(value: Any, name: str, lost: list[str]) -> Any:
    """Returns a value with None for each number that is not finite, and adds the names of these to `lost`."""
    if isinstance(value, Mapping):
        return {key: _finite(one, f"{name}.{key}", lost) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one, f"{name}[{place}]", lost) for place, one in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        lost.append(name)
        return None
    return value


def write_text(path: Path, text: str) -> None:
    """Writes a file of UTF-8, whole or not at all; names that are not UTF-8 are escaped, as JSON does it."""
    from kerastricks.data import atomic  # here, for the command line imports this file, and that room imports NumPy

    atomic.write(path, text.encode("utf-8", "backslashreplace"))


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
