"""A CSV file of paths and labels: a row for each image, below a header."""

import csv
import os
from collections.abc import Iterator

from kerastricks.data.listing import ALL, Listing
from kerastricks.data.names import few, shown
from kerastricks.data.split_folders import NAMES, spellings

PATH = ("path", "file", "filename", "image")
LABEL = ("label", "class")
SPLIT = ("split",)
_SPLITS = {spelling: split for split, known in NAMES.items() for spelling in known}


def read_csv(file: str) -> Listing:
    """Returns the files that a CSV file lists, with their labels; the classes are in the order of their names.

    The header names the columns, in any case and order: one of `PATH`, one of `LABEL`, and `split` if the file tells
    the splits. Other columns are not read. Paths are relative to the folder of the CSV file.

    Raises:
        ValueError: If the file is no such table, lists an image twice, or lists files that are not there.
    """
    splits: dict[str, dict[str, list[str]]] = {split: {} for split in (*NAMES, ALL)}
    names: dict[str, str] = {ALL: "all images"}
    folder = os.path.dirname(file)
    given: dict[str, str] = {}  # the path as the file gives it, by the path
    for path, label, spelling in _rows(file):
        split = _SPLITS.get(spelling.lower(), ALL)
        names.setdefault(split, f"split {spelling}")
        full = os.path.join(folder, path)
        if full in given:
            raise ValueError(f"{shown(file)} lists {shown(path)} twice. Keep one row for each image.")
        given[full] = path
        splits[split].setdefault(shown(label), []).append(full)
    if not given:
        raise ValueError(f"{shown(file)} lists no images: there is no row below its header.")
    if missing := [path for full, path in given.items() if not os.path.isfile(full)]:
        raise ValueError(
            f"{shown(file)} lists files that do not exist, {len(missing):,} of {len(given):,}: {few(missing)}. "
            f"Paths must be relative to {shown(folder or '.')}, the folder of the CSV file."
        )
    found = {
        split: {label: sorted(files[label]) for label in sorted(files)} for split, files in splits.items() if files
    }
    return Listing(shown(file), found, {split: names[split] for split in found}, [])


def _rows(file: str) -> Iterator[tuple[str, str, str]]:
    """Yields path, label and split of each row that is not blank; the split is empty where no column tells it."""
    with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        rows = csv.reader(lines)
        try:
            header = next(rows, [])
            path, label, split = _columns(file, header)
            for row in filter(None, rows):
                where = f"{shown(file)}, line {rows.line_num}"
                if len(row) != len(header):
                    raise ValueError(f"{where}: expected {len(header)} fields, as in the header. Received: {len(row)}")
                fields = [row[path].strip(), row[label].strip(), "" if split is None else row[split].strip()]
                for column, field in zip((path, label), fields, strict=False):
                    if not field:
                        raise ValueError(f"{where}: the column '{shown(header[column])}' is empty.")
                if split is not None and fields[2].lower() not in _SPLITS:
                    raise ValueError(f"{where}: the split must be one of {spellings()}. Received: '{shown(fields[2])}'")
                yield fields[0], fields[1], fields[2]
        except csv.Error as error:
            raise ValueError(
                f"{shown(file)}, line {rows.line_num}: {error}. Expected comma-separated values."
            ) from None


def _columns(file: str, header: list[str]) -> tuple[int, int, int | None]:
    """Returns where path, label and split are."""
    names = [name.strip().lower() for name in header]
    path, label, split = (
        next((names.index(name) for name in known if name in names), None) for known in (PATH, LABEL, SPLIT)
    )
    if path is None or label is None:
        received = shown(",".join(header))
        raise ValueError(
            f"{shown(file)} has no header that names its columns. Expected a first line such as path,label or "
            f"path,label,split (also {', '.join(PATH[1:])} for path; {', '.join(LABEL[1:])} for label). "
            f"Received: {received[:80]}{'…' * (len(received) > 80)}"
        )
    return path, label, split
