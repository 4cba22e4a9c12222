"""The files of a data set that were left out, as the report lists them."""

from collections.abc import Sequence
from typing import NamedTuple

from kerastricks.data.names import shown

MOST = 200  # files in the table


class LeftOut(NamedTuple):
    """What the table shows: the first files with their reasons, and the number of them all."""

    rows: list[tuple[str, str]]
    total: int


def left_out(set_aside: Sequence[tuple[str, str]]) -> LeftOut:
    """Returns the table of `kerastricks.data.Data.set_aside`."""
    return LeftOut([(shown(path), shown(reason)) for path, reason in set_aside[:MOST]], len(set_aside))
