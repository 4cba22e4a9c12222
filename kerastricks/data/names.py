"""Names of files as text that can be printed."""

import os
from collections.abc import Sequence


def shown(path: str | os.PathLike[str]) -> str:
    """Returns a path or a name as it is shown: bytes that are not UTF-8 are escaped, such as `caf\\udce9`."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")


def few(names: Sequence[str]) -> str:
    """Returns the first three names as they are shown, and the number of the others: `a, b, c and 4 more`."""
    return ", ".join(map(shown, names[:3])) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
