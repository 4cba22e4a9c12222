"""What runs leave behind as JSON: read, or told that it is damaged; or, where it is only asked for, nothing."""

import json
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """Returns the JSON object of a file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it holds none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # of JSON, or of UTF-8
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return found


def known(path: Path) -> dict[str, Any]:
    """Returns the JSON object of a file, or an empty one where none can be read."""
    try:
        return read(path)
    except (OSError, ValueError):
        return {}
