"""Images in folders: `root/class/*.jpg`, or `root/{train,val,test}/class/*.jpg`."""

import os

from kerastricks.data.listing import ALL, Listing
from kerastricks.data.names import shown
from kerastricks.data.split_folders import split_folders
from kerastricks.data.walk import Walk, subfolders, walk


def read_folder(root: str, deepest: bool = False) -> Listing:
    """Returns the files of a folder; its classes are the folders in it, or in each of its splits, in their order.

    Args:
        root: The folder.
        deepest: Whether each folder at any depth that holds images is a class.

    Raises:
        ValueError: If there are no class folders; a folder for tests without any is passed over with a line.
    """
    folders = split_folders(root, nested=deepest)
    if not folders:
        found = _walk(root, deepest)
        return Listing(shown(root), {ALL: _by_class(found, root)}, {ALL: "all images"}, found.notes())
    splits, notes = {}, []
    for split, folder in folders.items():
        path = os.path.join(root, folder)
        if split == "test" and not subfolders(path):
            notes.append(f"Not used: {shown(folder)}/, for it has no class folders.")
            continue
        found = _walk(path, deepest)
        splits[split] = _by_class(found, path)
        notes += found.notes()
    if unused := [f"{shown(name)}/" for name in subfolders(root) if name not in folders.values()]:
        notes.append(f"Not used: {', '.join(unused)}.")
    return Listing(shown(root), splits, {split: f"{shown(folders[split])}/" for split in splits}, notes)


def _walk(root: str, deepest: bool) -> Walk:
    found = walk(root, deepest)
    if not found.files:
        raise ValueError(
            f"{shown(root)} has no class folders. Put the images of each class in a folder of its own in it."
        )
    return found


def _by_class(found: Walk, root: str) -> dict[str, list[str]]:
    classes: dict[str, list[str]] = {}
    for folder in sorted(found.files):
        if shown(folder) in classes:
            raise ValueError(f"Two folders in {shown(root)} are both shown as '{shown(folder)}'. Rename one of them.")
        classes[shown(folder)] = sorted(found.files[folder])
    return classes
