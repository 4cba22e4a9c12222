"""Which files a data set holds, by split and class, before anything is decoded."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

ALL = "all"  # takes the place of the splits where there are none


class Listing(NamedTuple):
    """The files of a data set.

    Attributes:
        where: The folder or file that was read, as it is shown.
        splits: The files of each class, by the name of the class, of each split in the order of
            `kerastricks.data.split_folders.NAMES`; `ALL` alone where there are none.
        names: What a user calls each split, such as `val/`.
        notes: Lines that a user is to read.
    """

    where: str
    splits: dict[str, dict[str, list[str]]]
    names: dict[str, str]
    notes: list[str]

    @property
    def paths(self) -> list[str]:
        """The files of all splits, split by split and class by class; a `Path` each would take ten times the memory."""
        return [path for files in self.splits.values() for part in files.values() for path in part]

    @property
    def whole(self) -> str:
        """The split to train on, or `ALL`."""
        return "train" if "train" in self.splits else ALL

    def without(self, paths: Collection[str]) -> "Listing":
        """Returns the data set without some files; a class may be empty then."""
        splits = {
            split: {name: [path for path in part if path not in paths] for name, part in files.items()}
            for split, files in self.splits.items()
        }
        return self._replace(splits=splits)

    def classes(self, split: str) -> list[str]:
        """Returns the classes that have files in a split."""
        return [name for name, files in self.splits[split].items() if files]

    def rows(self, split: str) -> np.ndarray:
        """Returns where the files of a split are in `paths`."""
        counts = {name: sum(map(len, files.values())) for name, files in self.splits.items()}
        before = list(counts).index(split)
        return sum(list(counts.values())[:before]) + np.arange(counts[split])

    def labels(self, split: str, classes: Sequence[str]) -> np.ndarray:
        """Returns the labels of the files of a split, in their order: int32, by the order of `classes`."""
        files = self.splits[split]
        numbers = {name: number for number, name in enumerate(classes)}
        found = [numbers[name] for name in files if files[name]]
        return np.repeat(np.array(found, "int32"), [len(part) for part in files.values() if part])


def lacking(name: str, found: Collection[str], classes: Sequence[str]) -> list[str]:
    """Returns a line if some of the classes were not found in what is called `name`, else none."""
    missing = [each for each in classes if each not in found]
    if not missing:
        return []
    such = "such as " if len(missing) > 3 else ""
    scored = "they are" if len(missing) > 1 else "it is"
    return [
        f"{name} lacks {len(missing)} of the {len(classes)} classes, {such}{', '.join(missing[:3])}: "
        f"{scored} not scored."
    ]
