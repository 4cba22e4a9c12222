"""What a saved model is for: the classes and the images that it was trained on, kept inside its `.keras` file.

A `.keras` file is a zip archive; `kerastricks.json` is one more entry of it, which Keras ignores. `docs/photographs.md`
tells what it holds.
"""

import dataclasses
import json
import os
import zipfile
from pathlib import Path

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
    """Writes a description into a saved model, in place of one that is there.

    Raises:
        ValueError: If the file is no `.keras` file.
    """
    text = json.dumps({"version": VERSION, **dataclasses.asdict(description)}, indent=2, ensure_ascii=False)
    # A new file that takes the place of the old one: a process that is killed meanwhile leaves the old one whole.
    other = Path(f"{os.fspath(path)}.part")
    with _opened(path) as archive, zipfile.ZipFile(other, "w") as new:
        for info in archive.infolist():
            if info.filename != ENTRY:
                new.writestr(info, archive.read(info))
        new.writestr(ENTRY, text)
    os.replace(other, path)


def description(path: str | os.PathLike) -> Description | None:
    """Returns the description in a saved model, or None where it has none.

    Raises:
        ValueError: If the file is no `.keras` file, or its description is damaged or of a later version.
    """
    with _opened(path) as archive:
        if ENTRY not in archive.namelist():
            return None
        text = archive.read(ENTRY)
    try:
        found = json.loads(text)
        if not found.pop("version") > VERSION:
            return Description(**{**found, "classes": tuple(found["classes"])})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"The description in {path} is damaged. Write it anew with kerastricks.models.describe."
        ) from None
    raise ValueError(f"The description in {path} is of a later version of kerastricks. Upgrade kerastricks.")


def _opened(path: str | os.PathLike) -> zipfile.ZipFile:
    if not os.path.isfile(path):
        raise ValueError(f"There is no model file {path}.")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} cannot be opened as a Keras model: it is no zip archive, or not a whole one.")
    return zipfile.ZipFile(path)
