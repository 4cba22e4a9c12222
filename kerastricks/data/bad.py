"""Files of a data set that are no images: how many are allowed, and how they are told."""

import os
import re
from collections.abc import Sequence
from fractions import Fraction

from kerastricks.data.listing import Listing
from kerastricks.data.names import shown

MOST = 7  # files that a message names

Bad = Sequence[tuple[str, "BadImage"]]  # the path, and what is wrong with it


class BadImage(ValueError):
    """A file that is no image, or a damaged one.

    Args:
        path: The file.
        reason: What is wrong, as it goes on after a colon.
        verb: What cannot be done: `read` or `decode`.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str, verb: str = "read"):
        super().__init__(os.fspath(path), reason, verb)
        self.path, self.reason, self.verb = os.fspath(path), shown(reason), verb
        self.cure = "Remove the file" if verb == "read" else "Repair or remove the file"

    def __str__(self):
        outside = ", or keep it outside the folder" if self.verb == "read" else ""
        return f"Cannot {self.verb} {shown(self.path)}: {self.reason}. {self.cure}{outside}."


def allowed(allow_bad: str | None, files: int) -> int:
    """Returns how many of `files` may be bad: `allow_bad` is a count like `3`, or a share like `1%`, rounded down.

    Raises:
        ValueError: If it is neither, or more than 100%.
    """
    if allow_bad is None:
        return 0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)%|(\d+)", str(allow_bad).strip(), re.ASCII)
    if not found or (found[1] and Fraction(found[1]) > 100):
        raise ValueError(
            f"`allow_bad` must be a number of files such as 3, or a share of them such as 1%. Received: "
            f"allow_bad={allow_bad!r}"
        )
    return int(Fraction(found[1]) / 100 * files) if found[1] else int(found[2])


def check(listing: Listing, bad: Bad, files: int, allow_bad: str | None) -> None:
    """Raises a `ValueError` that tells all bad files if they are more than are allowed.

    Args:
        listing: The data set.
        bad: The bad files.
        files: How many files were looked at.
        allow_bad: See `allowed`.
    """
    if len(bad) <= (most := allowed(allow_bad, files)):
        return
    pronoun = "it" if len(bad) == 1 else "them"
    way_out = f'or pass --allow-bad {len(bad)} (`allow_bad="{len(bad)}"`) to leave {pronoun} out.'
    if allow_bad is not None:
        way_out += f" allow_bad={allow_bad} allows {most:,} of {files:,}."
    if len(bad) == 1:
        _, error = bad[0]
        raise ValueError(f"Cannot {error.verb} {shown(error.path)}: {error.reason}. {error.cure}, {way_out}")
    lines = [f"Cannot read {len(bad):,} of {files:,} files in {listing.where}: {_by_class(listing, bad)}."]
    lines += [f"  {shown(path)}: {error.reason}" for path, error in bad[:MOST]]
    lines += [f"  and {len(bad) - MOST:,} more"] * (len(bad) > MOST)
    raise ValueError("\n".join([*lines, f"Repair or remove them, {way_out}"]))


def note(set_aside: Sequence[tuple[str, str]], files: int) -> list[str]:
    """Returns a line on the files that were set aside, each with its reason, or none."""
    if not set_aside:
        return []
    named = ", ".join(f"{shown(path)} ({reason})" for path, reason in set_aside[:3])
    more = f" and {len(set_aside) - 3:,} more" if len(set_aside) > 3 else ""
    return [f"Set aside, for they are bad, {len(set_aside):,} of {files:,} files: {named}{more}."]


def _by_class(listing: Listing, bad: Bad) -> str:
    """Returns in words how many bad files each class has, the most first."""
    paths = {path for path, _ in bad}
    counts: dict[str, int] = {}
    for files in listing.splits.values():
        for name, part in files.items():
            counts[name] = counts.get(name, 0) + sum(path in paths for path in part)
    order = sorted((name for name in counts if counts[name]), key=counts.__getitem__, reverse=True)
    more = f" and {len(order) - 5:,} more classes" if len(order) > 5 else ""
    return ", ".join(f"{counts[name]:,} of class {name}" for name in order[:5]) + more
