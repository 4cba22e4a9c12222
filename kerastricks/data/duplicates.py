"""Images that are both to train on and to judge by: the same file twice, byte for byte."""

import hashlib
from collections.abc import Sequence

import numpy as np

from kerastricks.data.names import shown
from kerastricks.data.threads import each


def find(
    paths: Sequence[str], sizes: np.ndarray, starts: np.ndarray, train: np.ndarray, others: np.ndarray
) -> list[tuple[str, str]]:
    """Returns the files of `others` that are among those to train on, each with the first that is the same.

    Only files of one length that begin alike are read whole.

    Args:
        paths: All files.
        sizes: Bytes of each.
        starts: A checksum of the beginning of each; see `kerastricks.data.scan.Scan`.
        train: Rows of the files to train on.
        others: Rows of the other files.
    """
    keys = sizes.astype("uint64") << np.uint64(32) | starts
    both = np.intersect1d(keys[train], keys[others])
    train, others = (rows[np.isin(keys[rows], both)] for rows in (train, others))
    digests = each(_digest, [paths[row] for row in [*train, *others]])
    first: dict[bytes | None, str] = {}
    for row, digest in zip(train, digests, strict=False):
        first.setdefault(digest, paths[row])
    first.pop(None, None)
    return [(paths[row], first[digest]) for row, digest in zip(others, digests, strict=True) if digest in first]


def note(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Returns a line on duplicates, or none."""
    if not pairs:
        return []
    named = " and ".join(f"{shown(one)} is {shown(other)}" for one, other in pairs[:2])
    are = "image to judge by is" if len(pairs) == 1 else "images to judge by are"
    such = ": " if len(pairs) < 3 else ", such as: "
    return [f"{len(pairs):,} {are} among those to train on, byte for byte{such}{named}. Figures on them say too much."]


def _digest(path: str) -> bytes | None:
    """Returns the SHA-256 of a file; None if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None
