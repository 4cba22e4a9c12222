"""Which run a command goes on with. Keras is not imported here: a run knows its own backend."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastricks.commands import json_file
from kerastricks.commands.task import TrainTask

CHECKPOINTS = "checkpoints"
# What a run that goes on may be asked anew.
MAY_CHANGE = (
    *("epochs", "cache_size", "on_nan", "checkpoint_minutes", "keep_every", "tensorboard", "allow_bad", "out"),
    "devices",
)
NOT_KEPT = ("coordinator", "processes", "process")  # with whom a run trains: it may go on alone


def asked(task: TrainTask) -> dict[str, Any] | None:
    """Returns what was asked for, as JSON's types; None where Python's objects were, which no file can hold."""
    values = {field.name: getattr(task, field.name) for field in dataclasses.fields(task)}
    if not isinstance(task.data, str) or not isinstance(task.recipe, str | None):
        return None
    kept = {name: value for name, value in values.items() if name not in NOT_KEPT}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def settled(task: TrainTask, typed: Sequence[str] = ()) -> TrainTask:
    """Returns the task of the run that is to go on, as it was asked for; a task that begins one as it is.

    Args:
        task: The task.
        typed: The words of the command line; a flag among them counts though its value is the default.

    Raises:
        ValueError: If there is no such run, or the task asks for something else than it did.
    """
    if not task.resume:
        task.check_data()
    if task.resume is None:
        return task
    directory = Path(task.resume) if task.resume else _newest(task)
    settings = json_file.known(directory / "run.json")
    if not settings:
        raise ValueError(
            f"{shown(directory)} holds no run: there is no run.json in it. Pass the directory of a run with --resume, "
            "or --resume without one, after the data, for the newest run of the same command."
        )
    if settings.get("asked") is None:
        raise ValueError(f"{shown(directory)} was not begun by `kerastricks train`. Call what began it again.")
    before = TrainTask(**{name: _tuple(value) for name, value in settings["asked"].items()})
    given = {
        field.name: getattr(task, field.name) for field in dataclasses.fields(task) if _is_given(task, field, typed)
    }
    given.pop("resume", None)
    where_to = given.pop("out", None)
    if where_to is not None and os.path.abspath(where_to) != os.path.abspath(directory):
        raise ValueError(f"A run goes on in its own directory, {shown(directory)}. Leave --out out.")
    where = given.pop("data", None)
    if where is not None and os.path.abspath(where) != settings["data_path"] and where != before.data:
        given["data"] = where
    before = dataclasses.replace(before, backend=settings["backend"])
    free = (*MAY_CHANGE, *NOT_KEPT)
    if others := [n for n, value in given.items() if n not in free and _tuple(value) != getattr(before, n)]:
        said = [f"{name}: {getattr(before, name)!r} then, {given[name]!r} now" for name in others]
        raise ValueError(
            f"{shown(directory)} is a run with other settings: {'; '.join(said)}. Leave them out to go on with it, or "
            "leave --resume out to begin another."
        )
    changed = {name: value for name, value in given.items() if name in free}
    data = before.data if settings["data_path"] is None else settings["data_path"]
    return dataclasses.replace(before, **changed, data=data, resume=str(directory), out=None)


def begun_with(task: TrainTask) -> dict[str, Any] | None:
    """Returns what is to be known of the command that began a run: `asked`, with what has changed since."""
    now = asked(task)
    if task.resume is None or now is None:
        return now
    settings = json_file.known(Path(task.resume) / "run.json")
    return {**settings["asked"], **{name: now[name] for name in MAY_CHANGE if name != "out"}}


def batch_begun(task: Any) -> int | None:
    """Returns the batch size of the run that a task goes on with; None for a task that begins one."""
    if not getattr(task, "resume", None):
        return None
    return json_file.known(Path(task.resume) / "run.json").get("batch_size")


def finished(task: TrainTask) -> dict[str, Any] | None:
    """Returns what the `result.json` of a run says that has nothing left to do, else None."""
    if task.resume is None:
        return None
    directory = Path(task.resume)
    settings, result = (json_file.known(directory / name) for name in ("run.json", "result.json"))
    if not settings or not result or (task.epochs or 0) > settings["epochs"]:
        return None
    return {**result, "directory": str(directory)}


def unfinished_like(task: TrainTask) -> Path | None:
    """Returns the newest run below `runs` that the same command began and did not finish, or None."""
    wanted = asked(task)
    found = sorted(Path("runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    for path in reversed(found if wanted is not None else []):
        settings = json_file.known(path)
        if is_unfinished(path.parent) and _alike(settings.get("asked"), wanted):
            return path.parent
    return None


def is_unfinished(directory: Path) -> bool:
    """Tells whether a directory holds a run that left checkpoints and no result."""
    return (directory / CHECKPOINTS).is_dir() and not (directory / "result.json").exists()


def words(directory: Path) -> str:
    """Returns the command that goes on with a run."""
    return f"kerastricks train --resume {shown(directory)}"


def with_value(arguments: list[str]) -> list[str]:
    """Returns the words of a command line with an empty value after a `--resume` that has none."""
    following = [*arguments[1:], "--"][: len(arguments)]
    return [
        f"{word}=" if word == "--resume" and after.startswith("--") else word
        for word, after in zip(arguments, following, strict=True)
    ]


def shown(path: Path) -> str:
    """Returns a path as a terminal may show it."""
    from kerastricks.data import names  # here, for that room imports NumPy

    return names.shown(str(path))


def _newest(task: TrainTask) -> Path:
    if task.out is not None:
        return Path(task.out)
    found = unfinished_like(task)
    if found is None:
        raise ValueError(
            "No run of this command is unfinished in runs/. Leave --resume out to begin one, or pass the directory of "
            "a run with it."
        )
    return found


def _alike(one: Any, other: Any) -> bool:
    passing = {*MAY_CHANGE, "resume"}
    new = {field.name: field.default for field in dataclasses.fields(TrainTask)}  # what an older run does not tell
    wanted = {name: value for name, value in other.items() if name not in passing}
    return one is not None and all(one.get(name, new[name]) == value for name, value in wanted.items())


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_given(task: TrainTask, field: dataclasses.Field, typed: Sequence[str]) -> bool:
    value = getattr(task, field.name)
    flag = f"--{field.name.replace('_', '-')}"
    if any(word == flag or word.startswith(f"{flag}=") for word in typed):
        return True
    return value != field.default and not (field.name in ("without", "with_tricks") and not value)
