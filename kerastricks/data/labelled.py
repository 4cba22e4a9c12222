"""Images and labels for a model that is trained already: one split of a data set, by the classes of the model."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from kerastricks.data import digits, source
from kerastricks.data.gathered import gather
from kerastricks.data.listing import ALL, Listing, lacking
from kerastricks.data.names import few
from kerastricks.data.pixels import tolerance
from kerastricks.data.split import stratified_split

_WORDS = {"train": "training"}


class Labelled(NamedTuple):
    """Images with their labels, which number the classes of a model.

    Attributes:
        images: uint8, (N, height, width, channels), indexed by an array of indices.
        labels: int32, (N,).
        paths: The files; of the digits, their numbers among all of them.
        split: Which images these are: `training`, `validation`, `test` or `all`.
        notes: Lines that a user is to read.
        set_aside: The bad files that were left out, each with its reason.
    """

    images: Any
    labels: np.ndarray
    paths: list[str]
    split: str
    notes: tuple[str, ...]
    set_aside: tuple[tuple[str, str], ...] = ()


def load_for(
    classes: Sequence[str],
    data: str,
    *,
    split: str | None = None,
    image_size: int | None = None,
    cache_size: float | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
    deepest: bool | None = None,
    allow_bad: str | None = None,
) -> Labelled:
    """Loads the images of one split, for a model that knows `classes`.

    Args:
        classes: The classes of the model, in the order of its outputs.
        data: As the `source` of `kerastricks.data.load`; one class is enough.
        split: `train`, `validation`, `test` or `all`. By default the test images of data that comes in splits, else its
            validation images, else all; of the digits, those that seed 0 chooses for validation.
        image_size: As in `kerastricks.data.load`.
        cache_size: As in `kerastricks.data.load`; all splits share one cache.
        report: Called with the images decoded so far and their total; those of other splits are not decoded.
        deepest: As in `kerastricks.data.load`; by default, whether a class of the model is one of a folder in another,
            such as `Fruit/Apple`.
        allow_bad: As in `kerastricks.data.load`; files of other splits do not count.

    Raises:
        ValueError: If there is no such data or split, it has no images, too many of its files are bad, or the model
            does not know a class of them.
    """
    if data == "digits":
        digits.check_files(cache_size=cache_size, allow_bad=allow_bad)
        return _digits(classes, split, image_size)
    if deepest is None:
        deepest = os.path.isdir(data) and any("/" in label for label in classes)
    listing = source.read(data, deepest)
    taken = _taken(listing, split)
    whole = len(taken) > 1 or taken == [ALL]
    name = listing.where if whole else listing.names[taken[0]]
    found = {label for part in taken for label in listing.classes(part)}
    if not found:
        place = "" if whole else f" in {name}"
        raise ValueError(f"{listing.where} has no images{place}. Add some to the folders of their classes.")
    _check_classes(found, classes, listing.where)
    gathered = gather(
        listing,
        splits=taken,
        image_size=image_size,
        default_size=224,
        cache_size=cache_size,
        report=report,
        allow_bad=allow_bad,
    )
    listing = gathered.listing
    paths = listing.paths
    rows = np.concatenate([listing.rows(part) for part in taken])
    chosen = [paths[row] for row in rows]
    labels = np.concatenate([listing.labels(part, classes) for part in taken])
    found = {label for part in taken for label in listing.classes(part)}
    notes = [*listing.notes, *lacking(name, found, classes), *gathered.notes]
    notes += tolerance(len(gathered.pixels.tolerated.intersection(chosen)))
    words = "all" if whole else _WORDS.get(taken[0], taken[0])
    return Labelled(gathered.images(rows), labels, chosen, words, tuple(notes), gathered.set_aside)


def _taken(listing: Listing, split: str | None) -> list[str]:
    """Returns the keys of the splits that are asked for."""
    there = list(listing.splits)
    if split is None:
        split = next((split for split in ("test", "validation") if split in there), "all")
    if split == "all":
        return there
    if there == [ALL]:
        raise ValueError(
            f"{listing.where} has no splits, such as train/ and test/. Received: split={split!r}. Leave it out, or "
            "pass `all`, for all of its images."
        )
    if split not in there:
        raise ValueError(
            f"{listing.where} has no images of this split. Expected one of: {', '.join(there)}, all. "
            f"Received: split={split!r}"
        )
    return [split]


def _digits(classes: Sequence[str], split: str | None, image_size: int | None) -> Labelled:
    digits.check_size(image_size)
    images, labels = digits.all_digits()
    train, validation = stratified_split(labels, seed=0)
    parts = {"train": train, "validation": validation, "all": np.arange(len(labels))}
    taken = split or "validation"
    if taken not in parts:
        raise ValueError(f"The digits have no such split. Expected one of: {', '.join(parts)}. Received: {split=}")
    _check_classes(set(digits.CLASSES), classes, "digits")
    notes = lacking("digits", digits.CLASSES, classes)
    if taken != "all":
        notes.append(f"Which digits are for {_WORDS.get(taken, taken)} is by seed 0; another seed chooses others.")
    rows = parts[taken]
    numbers = np.array([list(classes).index(digit) for digit in digits.CLASSES], "int32")
    paths = [str(row) for row in rows.tolist()]
    return Labelled(images[rows], numbers[labels[rows]], paths, _WORDS.get(taken, taken), tuple(notes))


def _check_classes(found: set[str], classes: Sequence[str], where: str) -> None:
    """Raises a `ValueError` if the model does not know a class of the images."""
    if extra := sorted(found.difference(classes)):
        raise ValueError(
            f"The classes of {where} must be among those of the model: {few(classes)}. Received: {few(extra)}. Pass "
            "the data that the model was trained for."
        )
