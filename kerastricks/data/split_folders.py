"""Folders whose names say that they are the splits of a data set, not classes."""

import os

from kerastricks.data.names import shown
from kerastricks.data.walk import subfolders

NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


def split_folders(root: str, nested: bool = False) -> dict[str, str]:
    """Returns the folder of each split in `root`, by the keys of `NAMES`; none unless one is to train on and one not.

    Upper and lower case are the same.

    Args:
        root: The folder.
        nested: Whether folders in classes are classes too. Then folders that hold the same classes need be no splits.

    Raises:
        ValueError: If two folders hold the same split, or if the folders hold the same classes each, as splits do, and
            their names do not say which is which.
    """
    names = subfolders(root)
    found = {split: [name for name in names if name.lower() in known] for split, known in NAMES.items()}
    if not found["train"] or not (found["validation"] or found["test"]):
        if not nested and _alike(root, names):
            raise ValueError(
                f"The folders of {shown(root)} hold the same folders each, as splits do and classes do not. Expected "
                f"one name of the first and one of another group of: {spellings()}. Received: {_listed(names)}. Rename "
                "them, or pass the folder that holds the classes."
            )
        return {}
    for same in found.values():
        if len(same) > 1:
            raise ValueError(
                f"Expected one folder for each split in {shown(root)}. Received: {_listed(same)} for the same split. "
                "Merge them, or keep one."
            )
    return {split: same[0] for split, same in found.items() if same}


def spellings() -> str:
    """Returns the names of the splits, a group for each."""
    return "; ".join(", ".join(known) for known in NAMES.values())


def _alike(root: str, names: list[str]) -> bool:
    """Returns whether there are two folders or more, and all hold the same two folders or more."""
    if len(names) < 2:
        return False
    first = subfolders(os.path.join(root, names[0]))
    return len(first) > 1 and all(subfolders(os.path.join(root, name)) == first for name in names[1:])


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{shown(name)}'" for name in names[:5]) + (", …" if len(names) > 5 else "")
