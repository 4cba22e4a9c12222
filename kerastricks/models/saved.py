"""What a saved model is for: the classes and the images that it was trained on, kept inside its `.keras` file.

A `.keras` file is a zip archive; `kerastricks.json` is one more entry of it, which Keras ignores. `docs/photographs.md`
tells what it holds.
"""

import dataclasses
import json
import os
import zipfile
from pathlib import Path
from typing import Any

ENTRY = "kerastricks.json"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Description:
    """What the images and the outputs of a model mean.

    Attributes:
        classes: Names of the classes, in the order of the outputs.
        image_size: Side in pixels of the square to which files are decoded; the model sees its centre where its input
            is smaller.
        channels: 3 for colour, 1 for grey.
        output: `logits`, `sigmoid` (logits whose sigmoid is the probability) or `probabilities`.
    """

    classes: tuple[str, ...]
    image_size: int
    channels: int = 3
    output: str = "logits"


def describe(path: str | os.PathLike, description: Description) -> None:
    """Writes a description into a saved model, in place of one that is there."""
    found = {"version": VERSION, **dataclasses.asdict(description)}
    text = json.dumps(found, indent=2, ensure_ascii=False)
    with zipfile.ZipFile(path, "a") as archive:
        if ENTRY not in archive.namelist():
            archive.writestr(ENTRY, text)
            return
    parts = _entries(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**parts, ENTRY: text.encode()}.items():
            archive.writestr(name, data)


def description(path: str | os.PathLike) -> Description | None:
    """Returns the description in a saved model, or None where it has none.

    Raises:
        ValueError: If the file is no `.keras` file, or its description is of a later version.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no model file {path}.")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} cannot be opened as a Keras model: it is no zip archive, or not a whole one.")
    with zipfile.ZipFile(path) as archive:
        if ENTRY not in archive.namelist():
            return None
        found: dict[str, Any] = json.loads(archive.read(ENTRY))
    if found.pop("version") != VERSION:
        raise ValueError(f"The description in {path} is of a later version of kerastricks. Upgrade kerastricks.")
    return Description(**{**found, "classes": tuple(found["classes"])})


def _entries(path: str | os.PathLike) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
