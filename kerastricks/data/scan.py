"""A look at every file of a data set before anything is decoded: its header, its length, and how it begins and ends."""

import os
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kerastricks.data.bad import BadImage
from kerastricks.data.decode import header, open_file, unwarned
from kerastricks.data.threads import each

_PIECE = 256  # files that a thread looks at in a go
_START = 4096  # bytes
_ENDS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND\xaeB`\x82"}  # of a whole JPEG and PNG file


class Scan(NamedTuple):
    """What was found.

    Attributes:
        sizes: Bytes of each file, int64, (N,).
        starts: CRC-32 of the first 4096 bytes of each file, uint32, (N,).
        side: Side in pixels of the images if all that are good are equal squares, else None.
        bad: The rows of the bad files and what is wrong with each, in order.
        unsure: Rows of files that do not end as whole ones do: a few programs write such, and what is cut short is one.
    """

    sizes: np.ndarray
    starts: np.ndarray
    side: int | None
    bad: list[tuple[int, BadImage]]
    unsure: list[int]


def scan(paths: Sequence[str]) -> Scan:
    """Looks at every file, in threads; what is in it decides, not its name."""
    sizes, starts = np.zeros(len(paths), "int64"), np.zeros(len(paths), "uint32")
    shape: tuple[int, int] | None = None
    equal, bad, unsure = True, [], []

    def piece(first: int) -> tuple[set[tuple[int, int]], list[tuple[int, BadImage]], list[int]]:
        shapes, bad, unsure = set(), [], []
        for row in range(first, min(first + _PIECE, len(paths))):
            try:
                with open_file(paths[row]) as file:
                    start = file.read(_START)
                    shapes.add(header(paths[row], file, start))
                    sizes[row], starts[row] = os.fstat(file.fileno()).st_size, zlib.crc32(start)
                    end = next((end for magic, end in _ENDS.items() if start.startswith(magic)), b"")
                    file.seek(-min(len(end), int(sizes[row])), os.SEEK_END)
                    if file.read() != end:
                        unsure.append(row)
            except BadImage as error:
                bad.append((row, error))
            except OSError as error:
                bad.append((row, BadImage(paths[row], error.strerror or str(error))))
        return shapes, bad, unsure

    with unwarned():
        for shapes, more, doubtful in each(piece, range(0, len(paths), _PIECE)):
            shape = shape or next(iter(shapes), None)
            equal &= shapes <= {shape}
            bad += more
            unsure += doubtful
    return Scan(sizes, starts, shape[0] if shape and equal and shape[0] == shape[1] else None, bad, unsure)
