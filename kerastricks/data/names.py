"""Names of files as text that can be printed."""

import os
import re
from collections.abc import Sequence

# Control characters, ends of lines, what turns the direction of text round, and bytes that are not UTF-8.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(path: str | os.PathLike[str]) -> str:
    """Returns a path or a name as it is shown, on one line: what no terminal should get is escaped, as in `caf\\udce9`.

    Escaped are bytes that are not UTF-8, control characters and line ends, and marks that reverse text.
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), os.fspath(path))


def few(names: Sequence[str]) -> str:
    """Returns the first three names as they are shown, and the number of the others: `a, b, c and 4 more`."""
    return ", ".join(map(shown, names[:3])) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
