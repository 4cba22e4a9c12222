"""Images that other caches hold already: a list of files that gains or loses a few is not decoded anew."""

from pathlib import Path

import numpy as np

from kerastricks.data.random_access import RandomAccess


class KnownRows:
    """Where the images of some files are in the other caches of a folder.

    Args:
        own: The cache that asks.
        identities: What tells each of its files from all others; see `kerastricks.data.cache.identities`.
        row: Bytes of an image.
    """

    def __init__(self, own: Path, identities: np.ndarray, row: int):
        self._row = row
        self._files: list[RandomAccess] = []
        self._places: dict[int, tuple[RandomAccess, int, int]] = {}  # by the row: the file, where, and its entry
        for path in sorted(own.parent.glob("*.pixels")):
            try:
                count, rest = divmod(path.stat().st_size, 2 * identities.itemsize + row)
                if path == own or rest or not count:
                    continue
                file = RandomAccess(path)
            except OSError:  # another user's, or gone by now
                continue
            self._files.append(file)
            table = np.zeros((2, count), identities.dtype)  # what stands before the rows
            file.read(table.reshape(-1).view("uint8").data, 0)
            entries, theirs = table
            _, rows, places = np.intersect1d(identities, theirs, return_indices=True)
            for index, place in zip(rows.tolist(), places.tolist(), strict=True):
                if entries[place]:
                    self._places[index] = (file, table.nbytes + place * row, int(entries[place]))

    def read(self, index: int, into: memoryview) -> int:
        """Reads the image of a file; returns its entry in the table of the other cache, 0 where there is none."""
        if index not in self._places:
            return 0
        file, place, entry = self._places[index]
        return entry if file.read(into, place) == self._row else 0

    def close(self) -> None:
        """Closes the other caches."""
        for file in self._files:
            file.close()
