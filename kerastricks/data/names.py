"""Names of files as text that can be printed."""

import os


def shown(path: str | os.PathLike[str]) -> str:
    """Returns a path or a name as it is shown: bytes that are not UTF-8 are escaped, such as `caf\\udce9`."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")
