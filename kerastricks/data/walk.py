"""Which files lie in the folders of a root: each folder is read once, and no file is opened."""

import dataclasses
import os
from collections.abc import Iterator, Sequence

from kerastricks.data.names import few, shown

_JUNK = ("thumbs.db", "desktop.ini")
_IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif")


@dataclasses.dataclass
class Walk:
    """The files found so far, by folder, and what was passed over.

    The folder is the one directly below the root, or with `deepest` the one that the files lie in, such as
    `Fruit/Apple`. `deeper` holds the folders with files that count to one above them.
    """

    root: str
    deepest: bool = False
    files: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    deeper: list[str] = dataclasses.field(default_factory=list)
    passed_over: list[str] = dataclasses.field(default_factory=list)
    not_followed: list[str] = dataclasses.field(default_factory=list)
    hollow: list[str] = dataclasses.field(default_factory=list)

    def notes(self) -> list[str]:
        """Returns what a user is to know of these files, one line each."""
        lines = []
        if self.deeper:
            lines.append(
                f"The classes are the first level below {shown(os.path.basename(self.root))}/; files that lie deeper, "
                f"such as in {self._few(self.deeper[:1])}, count to the folder of that level. Pass --deepest "
                "(`deepest=True`) to make a class of each folder that holds images."
            )
        if self.passed_over:
            lines.append(f"Passed over, for it is no ordinary file: {self._few(self.passed_over)}.")
        if self.hollow:
            lines.append(f"Passed over, for it is an empty folder with the name of an image: {self._few(self.hollow)}.")
        if self.not_followed:
            lines.append(f"Not followed, for the link leads to a folder already read: {self._few(self.not_followed)}.")
        return lines

    def _few(self, paths: Sequence[str]) -> str:
        return few([os.path.relpath(path, self.root) for path in sorted(paths)])

    def add(self, top: str, folder: str, files: list[str], leaf: bool) -> None:
        """Adds the files that lie in a folder itself; a leaf has no folders in it.

        Args:
            top: The folder directly below the root.
            folder: The path of the folder that was read.
            files: The paths of its files.
            leaf: Whether the folder has none in it. One without files counts as a class that is empty.
        """
        if leaf and not files and folder.lower().endswith(_IMAGES):
            self.hollow.append(folder)
        elif not self.deepest:
            self.files.setdefault(top, []).extend(files)
            if files and os.path.dirname(folder) != self.root:
                self.deeper.append(folder)
        elif files or leaf:
            self.files[os.path.relpath(folder, self.root).replace(os.sep, "/")] = files


def subfolders(root: str) -> list[str]:
    """Returns the names of the folders in `root`, sorted, links to folders among them."""
    return sorted(entry.name for entry, kind in _entries(root) if kind in ("folder", "link"))


def walk(root: str, deepest: bool = False) -> Walk:
    """Returns the files below each folder of `root`, at any depth; with `deepest`, those in each folder itself.

    Names that start with a dot or two underscores are skipped, and so are the files that desktops leave behind. What is
    neither file nor folder, such as a pipe, is passed over. Links to folders are followed last, and only to folders
    that were not yet read; so a link to where it lies itself leads nowhere.

    Raises:
        ValueError: If a folder cannot be listed.
    """
    found = Walk(root, deepest)
    read = set(_identities_up(root))
    entries = sorted(_entries(root), key=lambda pair: pair[0].name)
    found.passed_over += [entry.path for entry, kind in entries if kind == "other"]
    links: list[tuple[str, str]] = []  # (folder directly below the root, path)
    for wanted in ("folder", "link"):
        for entry, kind in entries:
            if kind == wanted:
                links += _descend(found, entry.name, entry.path, read)
    while links:
        links += _descend(found, *links.pop(0), read)
    return found


def files_below(root: str) -> Iterator[str]:
    """Yields the files below a folder, at any depth, those of each folder by name; a folder is read when it is reached.

    What `walk` skips is skipped here too; a link to a folder is followed, and no folder is read twice.

    Raises:
        ValueError: If a folder cannot be listed.
    """
    folders, read = [root], set()
    while folders:
        folder = folders.pop()
        if (identity := _identity(folder)) in read:
            continue
        read.add(identity)
        entries = sorted(_entries(folder), key=lambda pair: pair[0].name)
        yield from (entry.path for entry, kind in entries if kind == "file")
        folders += [entry.path for entry, kind in reversed(entries) if kind in ("folder", "link")]


def _descend(found: Walk, top: str, start: str, read: set[tuple[int, int]]) -> list[tuple[str, str]]:
    """Adds the files below one folder of `top`; returns the links to folders that it met."""
    links, folders = [], [start]
    while folders:
        folder = folders.pop()
        identity = _identity(folder)
        if identity in read:
            found.not_followed.append(folder)
            continue
        read.add(identity)
        files: list[str] = []
        leaf = True
        for entry, kind in _entries(folder):
            if kind == "file":
                files.append(entry.path)
            elif kind == "folder":
                folders.append(entry.path)
                leaf = False
            elif kind == "link":
                links.append((top, entry.path))
                leaf = False
            else:
                found.passed_over.append(entry.path)
        found.add(top, folder, files, leaf)
    return links


def _entries(folder: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yields what lies in a folder and is not hidden, and whether it is a folder, a link to one, a file, or other."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith((".", "__")) and entry.name.lower() not in _JUNK:
                    yield entry, _kind(entry)
    except OSError as error:
        raise ValueError(
            f"Cannot list {shown(folder)}: {error.strerror}. Make it readable, or keep it outside the folder."
        ) from None


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir():
            return "link" if entry.is_symlink() else "folder"
        # A link to nowhere counts as a file: it is refused by name when it is opened.
        return "file" if entry.is_file() or not os.path.exists(entry.path) else "other"
    except OSError:  # a link that leads in a circle
        return "other"


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _identities_up(root: str) -> Iterator[tuple[int, int]]:
    """Yields the identities of a folder and of those that it lies in."""
    path = os.path.realpath(root)
    while True:
        yield _identity(path)
        if path == (path := os.path.dirname(path)):
            return
