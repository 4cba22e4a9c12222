"""A finished model as users name it: its file or the directory of its run; what it is for, and the model itself."""

import dataclasses
import os
from pathlib import Path
from typing import Any

from kerastricks.commands import json_file
from kerastricks.data.names import shown
from kerastricks.models import archive
from kerastricks.models.heads import class_count, gives_logits
from kerastricks.models.saved import Description, description

UNKNOWN = ""  # the output of a model whose file does not tell; `filled` reads it from the graph


def find(model: str | os.PathLike[str]) -> tuple[Path, Description]:
    """Returns the file of a model and what it is for: from the file itself, or from `run.json` beside it.

    `run.json` does not tell the kind of the output of every model: `filled` completes the description.

    Args:
        model: A `.keras` file, or the directory of a run, which stands for its `model.keras`.

    Raises:
        ValueError: If there is no such file, it is no model or in a form that can run code, or nothing tells its
            classes.
    """
    file = Path(model)
    archive.refuse_format(file)
    if file.is_dir():
        file = file / "model.keras"
        if not file.is_file():
            raise ValueError(
                f"{shown(file.parent)} holds no model.keras. Pass a .keras file, or the directory of a finished run."
            )
    found = description(file) or _of_run(file.with_name("run.json"))
    if found is None:
        raise ValueError(
            f"Nothing tells the classes of {shown(file)}: it holds no description, and no run.json with classes lies "
            "beside it. Write one into the file with kerastricks.models.describe."
        )
    return file, found


def filled(found: Description, model: Any) -> Description:
    """Returns the description with the kind of the output, read from the graph of the model where it was not told.

    Raises:
        ValueError: If the graph does not tell, or the model has another number of classes.
    """
    if (count := class_count(model)) != len(found.classes):
        raise ValueError(f"The model '{model.name}' has {count} outputs, but {len(found.classes)} class names.")
    if found.output != UNKNOWN:
        return found
    return dataclasses.replace(found, output="logits" if gives_logits(model) else "probabilities")


def _of_run(path: Path) -> Description | None:
    """Returns the description of a run's model, or None where `run.json` is not there or tells no classes."""
    try:
        settings = json_file.known(path)
        height, _, channels = settings["image_shape"]
        sigmoid = any(trick.startswith("BinaryCrossentropy(") for trick in settings.get("tricks", []))
        output = "sigmoid" if sigmoid else UNKNOWN
        return Description(tuple(map(shown, settings["classes"])), int(height), int(channels), output)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
