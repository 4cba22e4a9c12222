"""The directory of an ablation: its settings, and a file for each finished run."""

import dataclasses
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastricks.commands import json_file
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.output import write_json
from kerastricks.data.names import shown

SETTINGS = "ablation.json"
CONTENTS = {"contents": "its images", "network_contents": "the file of its model or weights"}


def directory(task: AblateTask, data: str) -> Path:
    """Returns where an ablation is: in `out`, or in runs/ablate-<data>-<recipe>-<design>.

    Args:
        task: The ablation.
        data: Name of its data.
    """
    settings = task.settings()
    default = f"ablate-{data}-{Path(settings['recipe']).stem}-{settings['design']}"
    return Path("runs", default) if task.out is None else Path(task.out)


def open_directory(folder: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the settings that `folder` was begun with, or None if it is new or empty.

    Args:
        folder: The directory of an ablation.
        settings: Those of the ablation that is to run there.

    Raises:
        ValueError: If it holds something else, or an ablation with other settings; the message says which.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file. Pass a directory with --out.")
    path = folder / SETTINGS
    if not path.exists():
        if folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir()):
            raise ValueError(f"{folder} is not empty and holds no ablation. Pass another directory with --out.")
        return None
    known = _read(path)
    wanted = json.loads(json.dumps(settings))
    fields = {field.name: field.default for field in dataclasses.fields(AblateTask)}  # some are newer than the file
    defaults = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    defaults["network_contents"] = settings.get("network_contents")  # where it does not say, it is taken at its word
    there = {name: known.get(name, defaults.get(name)) for name in wanted}
    differs = [
        CONTENTS.get(name) or f"{name}: {there[name]!r} there, {value!r} here"
        for name, value in wanted.items()
        if there[name] != value
    ]
    if differs:
        raise ValueError(
            f"{folder} holds another ablation. It differs in {'; '.join(differs)}. "
            "Go on with the settings it was begun with, or pass another directory with --out."
        )
    return known


class Runs:
    """The finished runs of arms and seeds, one file each.

    Args:
        folder: The directory of the ablation.
        arms: Names of the arms.
        seeds: Seeds of each.
    """

    def __init__(self, folder: Path, arms: Sequence[str], seeds: Sequence[int]):
        self.folder, self.arms, self.seeds = folder / "runs", list(arms), list(seeds)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[tuple[str, int], dict[str, Any]] = {}
        for seed in self.seeds:
            for arm in self.arms:
                path = self._path(arm, seed)
                if path.exists():
                    self._known[arm, seed] = _read(path)

    def unfinished(self, arm: str, seed: int) -> Path:
        """Returns the directory in which a run is saved while it is made."""
        return self.folder.with_name("unfinished") / self._path(arm, seed).stem

    def _path(self, arm: str, seed: int) -> Path:
        words = re.sub(r"[^A-Za-z0-9]+", "-", arm).strip("-")
        return self.folder / f"{self.arms.index(arm):02}-{words}-seed-{seed}.json"

    def missing(self) -> list[tuple[str, int]]:
        """Returns arm and seed of the runs that are not there, all arms of a seed before the next seed.

        Each seed begins with another arm, so that no arm always comes last: a process slows and grows with its runs.
        """
        turns = [(arm, seed) for seed in self.seeds for arm in _rotated(self.arms, seed)]
        return [turn for turn in turns if turn not in self._known]

    def keep(self, arm: str, seed: int, outcome: dict[str, Any]) -> None:
        """Writes a run that is finished, and removes what was saved of it meanwhile."""
        write_json(self._path(arm, seed), outcome)
        shutil.rmtree(self.unfinished(arm, seed), ignore_errors=True)
        self._known[arm, seed] = outcome

    def of(self, arm: str) -> list[dict[str, Any]]:
        """Returns the runs of an arm that are there, by seed."""
        return [self._known[arm, seed] for seed in self.seeds if (arm, seed) in self._known]


def _read(path: Path) -> dict[str, Any]:
    try:
        return json_file.read(path)
    except ValueError:
        raise ValueError(
            f"{shown(path)} is damaged: it holds no JSON object. Remove it, and its run is made again."
        ) from None


def _rotated(arms: list[str], by: int) -> list[str]:
    first = by % len(arms)
    return arms[first:] + arms[:first]
