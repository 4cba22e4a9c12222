"""One run, one directory: a lock on it for the time of the run, which ends with the process, however that ends."""

import contextlib
import errno
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from kerastricks.commands import output
from kerastricks.data import atomic
from kerastricks.data.names import shown

_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)  # of some file systems on a network
_TRIES = 100  # at a file that other processes remove meanwhile
_held: set[int] = set()


@contextlib.contextmanager
def claiming(out: str | None) -> Iterator[Callable[[str], Path]]:
    """Yields a function from the name of a run to its directory, which is locked until the end of the block.

    The directory that is asked for is locked at once; else the function takes the next free one below `runs`. What was
    made for this and is empty in the end is removed: a run that fails before it writes leaves nothing behind.

    Args:
        out: The directory that is asked for, new or empty, if any.

    Raises:
        ValueError: See `kerastricks.commands.output.free_directory`; or if a process uses the directory.
    """
    with contextlib.ExitStack() as stack:
        asked = None if out is None else Path(out)
        if asked is not None and (asked.is_dir() or not asked.exists()):
            stack.enter_context(held(asked))  # first, for what lies there may be another run's that is at work
            if not any(asked.glob("[!.]*")):  # a process was killed there before it had written anything
                atomic.sweep(asked)
        output.free_directory(out)

        def claim(name: str) -> Path:
            if asked is not None:
                return asked
            stack.enter_context(output.made(Path("runs")))
            directory = output.next_free(name)
            stack.callback(output.remove_empty, [directory])
            stack.enter_context(held(directory))
            return directory

        yield claim


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Holds the lock of a directory, which is made if it is not there and removed if it is empty in the end.

    Raises:
        ValueError: If another process holds it, whose number is told, or nothing can be written there.
    """
    path = directory / output.LOCK
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(output.made(directory))
            file = _locked(path)
        except OSError as error:
            raise output.unwritable(directory, error) from None
        _held.add(file)
        try:
            yield
        finally:
            if file in _held:  # not in a process that was forked meanwhile
                _held.remove(file)
                with contextlib.suppress(OSError):  # while it is locked, or it might be another's
                    path.unlink()
                os.close(file)
                if os.name == "nt":  # which removes no file that is open, here or elsewhere
                    with contextlib.suppress(OSError):
                        path.unlink()


def _locked(path: Path) -> int:
    """Returns the descriptor of the lock file; the lock of a file that was removed meanwhile is none."""
    for _ in range(_TRIES):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # a process took its directory along, for it was empty
            continue
        try:
            if not _lock(file):
                number = os.read(file, 20).decode(errors="replace").strip()
                process = f"process {number}" if number.isdigit() else "another process"
                raise ValueError(
                    f"{shown(path.parent)} is in use by {process}. Wait for its end, or pass another --out."
                )
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), os.stat(path)):
                    os.ftruncate(file, 0)
                    os.write(file, f"{os.getpid()}\n".encode())
                    return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)
    raise ValueError(f"{shown(path.parent)} is being made and removed by other processes. Pass another --out.")


def _lock(file: int) -> bool:
    """Locks a file; returns whether no other process holds it. Without locks in the file system a warning is all."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(file, 1 << 30, os.SEEK_SET)  # far behind the number, which is to be read
            try:
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            finally:
                os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warnings.warn(f"The file system has no locks ({error.strerror}): start one run a directory.", stacklevel=2)
    return True


def _let_go() -> None:
    """Closes in a forked process what only its parent is to hold: or the lock would outlive the run."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
