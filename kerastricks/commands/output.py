"""The directory that a command writes to, looked at before the work begins."""

import contextlib
import tempfile
from pathlib import Path


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
