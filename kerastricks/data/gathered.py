"""The images of a data set without its bad files: looked at, then decoded, and all that is wrong told at once."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from kerastricks.data import apart, bad
from kerastricks.data.bad import BadImage
from kerastricks.data.listing import Listing
from kerastricks.data.names import few
from kerastricks.data.pixels import Files, Subset, load_pixels
from kerastricks.data.scan import Scan, scan

_CACHE_SIZE = 10.0  # GB
_SMALL = 8  # pixels: the side to which images are decoded that are not kept


class Gathered(NamedTuple):
    """A data set that can be decoded.

    Attributes:
        listing: Its files, without the bad ones.
        pixels: The images; `tolerated` is theirs.
        places: Where in `pixels` the image of each file of the listing is.
        found: What was found of all files.
        rows: Where in `found` each file of the listing is.
        set_aside: The bad files that were left out, each with its reason.
        notes: Lines that a user is to read.
    """

    listing: Listing
    pixels: Any
    places: np.ndarray
    found: Scan
    rows: np.ndarray
    set_aside: tuple[tuple[str, str], ...]
    notes: list[str]

    def images(self, rows: np.ndarray) -> Subset:
        """Returns the images of some files of the listing."""
        return Subset(self.pixels, self.places[rows])


def gather(
    listing: Listing,
    *,
    splits: Collection[str],
    image_size: int | None,
    default_size: int,
    cache_size: float | None,
    report: Callable[[int, int], None],
    allow_bad: str | None,
    to_train: bool = False,
) -> Gathered:
    """Looks at all files of a data set, and decodes those of some splits into the cache; all splits share it.

    Args:
        listing: The data set.
        splits: Those whose images are decoded, and whose bad files count.
        image_size: See `kerastricks.data.load`; so are the others.
        default_size: Side in pixels of images of several sizes.
        report: Called with the images decoded so far and their total.
        allow_bad: How many files may be bad.
        to_train: Whether each class needs an image to train on.

    Raises:
        ValueError: If more files are bad than are allowed, or all are, or a class is left without an image to train on.
    """
    bad.allowed(allow_bad, 0)  # a setting that is wrong is said before anything is read
    paths = listing.paths
    wanted = np.zeros(len(paths), bool)
    for split in splits:
        wanted[listing.rows(split)] = True
    files = int(wanted.sum())
    wrong: dict[int, BadImage] = {}

    def check(unsure: Sequence[int] = ()) -> tuple[list[tuple[str, BadImage]], Listing]:
        """Returns the bad files that count, and the data set without the bad ones, where that can be trained on."""
        if sum(wanted[row] for row in wrong) > bad.allowed(allow_bad, files):  # then all that is known is said
            wrong.update(_damaged(paths, unsure))
        counted = [(paths[row], error) for row, error in sorted(wrong.items()) if wanted[row]]
        bad.check(listing, counted, files, allow_bad)
        sound = listing.without({paths[row] for row in wrong}) if wrong else listing
        if to_train:
            _check_classes(listing, sound)
        if len(counted) == files:
            raise ValueError(f"{listing.where} has no image: all of its {files:,} files are bad.")
        return counted, sound

    try:
        found = scan(paths)
        wrong.update(found.bad)
        check(found.unsure)
        good = np.setdiff1d(np.arange(len(paths)), list(wrong))
        pixels = load_pixels(
            [paths[row] for row in good],
            image_size or found.side or default_size,
            _CACHE_SIZE if cache_size is None else cache_size,
            report,
            None if wanted.all() else np.flatnonzero(wanted[good]),
            np.flatnonzero(np.isin(good, found.unsure)).tolist(),
        )
        wrong.update((int(good[row]), error) for row, error in pixels.bad)
        counted, sound = check()
    finally:
        apart.close()
    left = np.setdiff1d(good, list(wrong))
    set_aside = tuple((path, error.reason) for path, error in counted)
    places = np.searchsorted(good, left)
    return Gathered(sound, pixels, places, found, left, set_aside, bad.note(set_aside, files))


def _damaged(paths: Sequence[str], rows: Sequence[int]) -> list[tuple[int, BadImage]]:
    """Returns which of some files cannot be decoded, and why."""
    files = Files(paths, _SMALL)
    files.check(rows)
    return files.bad


def _check_classes(before: Listing, after: Listing) -> None:
    """Raises a `ValueError` if a class to train on has only files that are bad."""
    for name, files in before.splits[before.whole].items():
        if files and not after.splits[before.whole][name]:
            raise ValueError(
                f"The class '{name}' in {before.where} has no image left, for its files are bad: {few(files)}. Add "
                "images to it, or remove the folder."
            )
