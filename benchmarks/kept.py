"""Finished runs of a benchmark in a file, so that the same command goes on where it was stopped."""

import json
import re
from pathlib import Path
from typing import Any


def spelled(recipe: Any) -> str:
    """Returns a recipe in words that are the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(recipe))


class Kept:
    """Runs of one setting: a JSON line for the setting, then one for each run.

    Args:
        path: The file; it is made if it is not there.
        setting: What all runs have in common; JSON's types alone.

    Raises:
        ValueError: If the file holds runs of another setting.
    """

    def __init__(self, path: str, setting: dict[str, Any]):
        self._path = Path(path)
        if not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(setting) + "\n", encoding="utf-8")
        there, *runs = map(json.loads, self._path.read_text(encoding="utf-8").splitlines())
        if there != setting:
            raise ValueError(f"{path} holds other runs, {there}. Pass another file with --out. Received: {setting}")
        self.runs: list[dict[str, Any]] = runs

    def add(self, run: dict[str, Any]) -> dict[str, Any]:
        """Keeps a run, and returns it."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
        self.runs.append(run)
        return run
