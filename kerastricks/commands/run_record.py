"""What a run wrote down of itself, as the doctor reads it: a file that is damaged or not there says nothing."""

import csv
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerastricks.commands import json_file
from kerastricks.diagnosis.finding import Finding

_KINDS: dict[str, Any] = {
    **dict.fromkeys(("classes", "tricks", "image_shape"), list),
    **dict.fromkeys(("data", "data_path", "allow_bad"), str),
    **dict.fromkeys(("seed", "images", "train_images", "batch_size", "epochs"), int),
    "deepest": bool,
}


def settings(directory: Path) -> dict[str, Any]:
    """Returns the settings in `run.json` that are of the kind they are to be."""
    found = json_file.known(directory / "run.json")
    return {name: found[name] for name, kind in _KINDS.items() if isinstance(found.get(name), kind)}


def history(path: Path, known: Mapping[str, Any]) -> Any:
    """Returns the history of a run with some settings in the form of Keras', or None where there is none."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        curves = {
            name: [float(row[name]) for row in rows if row[name] not in ("NA", "")]
            for name in (rows[0] if rows else {})
            if name != "epoch"
        }
    except (OSError, ValueError, TypeError):
        return None
    images, batch = known.get("train_images", 0), known.get("batch_size", 0)
    steps = -(-images // batch) if images > 0 and batch > 0 else None
    return types.SimpleNamespace(history=curves, params={"epochs": known.get("epochs"), "steps": steps})


def diverged(directory: Path) -> list[Finding]:
    """Returns a finding where a run directory tells that its loss was no number."""
    known = json_file.known(directory / "diverged.json")
    if "step" not in known:
        return []
    return [
        Finding(
            "loss is no number",
            "The run diverged, and was stopped.",
            f"step {known['step']} of epoch {known.get('epoch')}, at the learning rate {known.get('learning_rate')}",
            "A lower --learning-rate, --with Warmup GradientClipping, or --on-nan rollback.",
        )
    ]
