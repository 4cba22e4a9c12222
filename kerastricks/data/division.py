"""Which files of a data set are to train on, to validate on and to test on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kerastricks.data.listing import Listing, lacking
from kerastricks.data.names import few
from kerastricks.data.split import by_seed, stratified_split

Part = tuple[np.ndarray, np.ndarray]  # the rows of `Listing.paths`, and their labels


class Parts(NamedTuple):
    """The parts of a data set; its fields after `classes` are those of `kerastricks.data.Data`."""

    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part | None
    own_split: bool
    validation_from: str
    notes: list[str]


def divide(listing: Listing, seed: int) -> Parts:
    """Returns the parts of a data set.

    Where there are no validation images, the seed chooses a fifth of those to train on. Classes that the validation or
    test images lack are said in a line.

    Raises:
        ValueError: If there is nothing to train on, there are fewer than two classes, a class has too few images, or
            one to validate or test on is none of those to train on.
    """
    where, names = listing.where, listing.names
    whole = listing.whole
    if whole not in listing.splits:
        raise ValueError(f"{where} has no images to train on. Received: {', '.join(names.values())}")
    classes = tuple(listing.splits[whole])
    part = f"{names[whole]} in {where}" if whole == "train" else where
    if len(classes) < 2:
        raise ValueError(
            f"{part} has one class, '{classes[0]}'. A classifier needs at least two: a folder for each, or a label in "
            "a CSV file."
        )
    for name, files in listing.splits[whole].items():
        if not files:
            raise ValueError(f"The class '{name}' in {part} is empty. Add images to it, or remove the folder.")
    notes = list(listing.notes)
    held_out: dict[str, Part] = {}
    for split in [split for split in listing.splits if split != whole]:
        notes += _check_classes(listing, split, whole)
        held_out[split] = listing.rows(split), listing.labels(split, classes)
    rows, labels = listing.rows(whole), listing.labels(whole, classes)
    test = held_out.get("test")
    if "validation" in held_out:
        return Parts(classes, (rows, labels), held_out["validation"], test, True, names["validation"], notes)
    train, validation = ((rows[side], labels[side]) for side in _split(classes, labels, seed))
    source = by_seed(names[whole] if whole == "train" else "the images")
    return Parts(classes, train, validation, test, False, source, notes)


def _check_classes(listing: Listing, split: str, whole: str) -> list[str]:
    """Returns a line if a split lacks classes of those to train on."""
    held_out, train = listing.names[split], listing.names[whole]
    found, classes = listing.classes(split), list(listing.splits[whole])
    if not found:
        raise ValueError(f"{held_out} in {listing.where} has no images. Add some to it, or remove it.")
    if extra := [name for name in found if name not in classes]:
        raise ValueError(
            f"The classes of {held_out} must be among those of {train} in {listing.where}. Received in {held_out} "
            f"alone: {few(extra)}. Add images of them to {train}, or remove them from {held_out}."
        )
    return lacking(held_out, found, classes)


def _split(classes: Sequence[str], labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < 2:
        raise ValueError(
            f"The class '{classes[int(counts.argmin())]}' has one image: it needs two, one to train on and one to "
            "validate. Add images, or bring your own split, such as train/ and val/."
        )
    return stratified_split(labels, seed)
