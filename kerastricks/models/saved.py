"""What a saved model is for: the classes and the images that it was trained on, kept inside its `.keras` file.

A `.keras` file is a zip archive; `kerastricks.json` is one more entry of it, which Keras ignores. `docs/photographs.md`
tells what it holds.
"""

import dataclasses
import json
import os
import zipfile
from typing import Any

from kerastricks.data import atomic
from kerastricks.data.names import shown
from kerastricks.models.archive import opened

ENTRY = "kerastricks.json"
VERSION = 1
OUTPUTS = ("logits", "sigmoid", "probabilities")


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


def save(model: Any, path: str | os.PathLike[str], told: Description | None = None) -> None:
    """Writes a model to a `.keras` file, with what it is for; a file that is there stays as it was until all is done.

    Args:
        model: The model, or what has its `save`.
        path: Where to.
        told: What it is for.

    Raises:
        OSError: If the disk is full, or the directory cannot be written; nothing has changed then.
    """
    with atomic.replacing(path) as beside:
        model.save(beside)
        if told is not None:
            with zipfile.ZipFile(beside, "a") as archive:
                archive.writestr(ENTRY, _text(told))


def describe(path: str | os.PathLike, description: Description) -> None:
    """Writes a description into a saved model, in place of one that is there.

    Raises:
        ValueError: If the file is no `.keras` file.
    """
    with opened(path) as archive, atomic.replacing(path) as beside, zipfile.ZipFile(beside, "w") as new:
        for info in archive.infolist():
            if info.filename != ENTRY:
                new.writestr(info, archive.read(info))
        new.writestr(ENTRY, _text(description))


def _text(description: Description) -> str:
    return json.dumps({"version": VERSION, **dataclasses.asdict(description)}, indent=2, ensure_ascii=False)


def description(path: str | os.PathLike) -> Description | None:
    """Returns the description in a saved model, or None where it has none.

    Raises:
        ValueError: If the file is no `.keras` file, or its description is damaged or of a later version.
    """
    with opened(path) as archive:
        if ENTRY not in archive.namelist():
            return None
        text = archive.read(ENTRY)
    try:
        found = json.loads(text)
        if not found.pop("version") > VERSION:
            return _checked(Description(**{**found, "classes": tuple(found["classes"])}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f"The description in {path} is damaged. Write it anew with kerastricks.models.describe."
        ) from None
    raise ValueError(f"The description in {path} is of a later version of kerastricks. Upgrade kerastricks.")


def _checked(found: Description) -> Description:
    """Returns a description with names that can be shown; raises a `ValueError` for fields of other kinds."""
    known = found.output in OUTPUTS and found.channels in (1, 3) and found.classes
    if not known or not isinstance(found.image_size, int) or found.image_size < 1:
        raise ValueError
    if not all(isinstance(name, str) for name in found.classes):
        raise ValueError
    return dataclasses.replace(found, classes=tuple(map(shown, found.classes)))
