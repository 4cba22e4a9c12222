"""What there is, in lines: the tricks of the bag, the networks, the runs of a directory. Keras is not imported here."""

import ast
import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from kerastricks import recipes as shipped
from kerastricks.commands import json_file, networks
from kerastricks.data.names import shown
from kerastricks.recipes import near

_PACKAGE = Path(__file__).parents[1]
_FACTS = ("data", "model", "recipe", "without", "with_tricks", "seed", "epochs")
_SHOWN_IF_DIFFERENT = (
    *("optimizer", "learning_rate", "batch_size", "early_stopping"),
    *("weights", "backend", "efficient", "image_size", "images"),
)


class Described(NamedTuple):
    """A trick as its source describes it: its settings with their defaults as text, its docstring."""

    settings: Mapping[str, str | None]
    words: str


def tricks() -> dict[str, Described]:
    """Returns the tricks of the bag, by name."""
    return {name: Described(*_class(module, name)) for name, module in _imports("kerastricks.tricks").items()}


def recipes_text(name: str | None) -> str:
    """Returns a line for each shipped recipe, or what one of them is.

    Raises:
        ValueError: If there is no recipe of that name.
    """
    if name is None:
        return "\n".join(f"{known:31} {shipped.describe(known).partition(chr(10))[0]}" for known in shipped.NAMES)
    if name not in shipped.NAMES:
        hint = shipped.near(name, shipped.NAMES)
        raise ValueError(f"Unknown recipe '{name}'.{hint} `kerastricks recipes` lists them.")
    return shipped.describe(name)


def tricks_text(name: str | None = None) -> str:
    """Returns a line for each trick of the bag, or all that the source says of one.

    Raises:
        ValueError: If there is no such trick.
    """
    bag = tricks()
    if name is None:
        width = max(map(len, bag))
        return "\n".join(
            f"{title:{width}}  {words.partition(chr(10))[0]}" + (f"  [{_settings(settings)}]" if settings else "")
            for title, (settings, words) in sorted(bag.items(), key=lambda item: item[0].lower())
        )
    if name not in bag:
        raise ValueError(f"Unknown trick '{name}'.{near(name, bag)} `kerastricks tricks` lists them.")
    settings, words = bag[name]
    return f"{name}({_settings(settings)})\n\n{words}"


def models_text() -> str:
    """Returns a line for each network: its name, parameters, side of its images, and whether there are weights."""
    rows = [("name", "parameters", "input", "weights")]
    for name, (parameters, side) in {**networks.OWN, **networks.APPLICATIONS}.items():
        rows.append((name, f"{parameters:,}", f"{side}×{side}", networks.weights(name)))
    return _aligned(rows, right=(1, 2))


def runs(directory: str) -> list[dict[str, Any]]:
    """Returns the runs in a directory, the oldest first: what was trained, what came out, and the `state`.

    A run is a directory with a `run.json`; its date is that of this file. The `state` is `finished`, `unfinished`, or
    says why its files cannot be read.

    Raises:
        ValueError: If there is no such directory.
    """
    root = Path(directory)
    if not root.is_dir():
        raise ValueError(f"There is no directory {shown(root)}. `kerastricks train` makes one, `runs`.")
    found = [_run(path) for path in (*root.glob("run.json"), *root.glob("*/run.json"))]
    return sorted(found, key=lambda run: (run["date"], run["directory"]))


def runs_text(found: Sequence[Mapping[str, Any]]) -> str:
    """Returns runs as a table, without columns that no run fills, and some settings only where runs differ in them."""
    if not found:
        return "no runs"
    rows = [_row(run) for run in found]
    same = {name for name in _SHOWN_IF_DIFFERENT if len({row[name] for row in rows}) == 1}
    titles = [title for title in rows[0] if title not in same and any(row[title] for row in rows)]
    left = ("run", "date", "data", "model", "recipe", "optimizer", "weights", "backend", "efficient", "state")
    right = [place for place, title in enumerate(titles) if title not in left]
    return _aligned([titles, *([row[title] for title in titles] for row in rows)], right)


def _run(path: Path) -> dict[str, Any]:
    run: dict[str, Any] = {
        "directory": str(path.parent),
        "date": datetime.fromtimestamp(path.stat().st_mtime).isoformat(" ", "seconds"),
    }
    try:
        settings = json_file.read(path)
        run |= {name: settings.get(name) for name in (*_FACTS, *_SHOWN_IF_DIFFERENT)}
        if not path.with_name("result.json").exists():
            return {**run, "state": "unfinished"}
        result = json_file.read(path.with_name("result.json"))
        if result["accuracy"] is None:  # JSON has no NaN
            return {**run, "epochs_done": int(result["epochs"]), "state": "diverged: its accuracy is no number"}
        figures = {name: float(result[name]) for name in ("accuracy", "seconds")}
        more: dict[str, Any] = {
            name: float(result[name]) for name in ("averaged_accuracy", "test_accuracy") if result.get(name) is not None
        }
        return {**run, **figures, **more, "epochs_done": int(result["epochs"]), "state": "finished"}
    except KeyError as error:
        return {**run, "state": f"result.json lacks {error}"}
    except (OSError, ValueError, TypeError) as error:
        return {**run, "state": f"unreadable: {error}"}


def _row(run: Mapping[str, Any]) -> dict[str, str]:
    def figure(name: str, form: str) -> str:
        return format(run[name], form) if name in run else ""

    def text(name: str) -> str:
        return shown(str(run.get(name) or ""))

    asked, done = run.get("epochs"), run.get("epochs_done", run.get("epochs"))
    changes = [
        *(f"-{name}" for name in run.get("without") or ()),
        *(f"+{word}" for word in run.get("with_tricks") or ()),
    ]
    return {
        "run": shown(run["directory"]),
        "date": run["date"][:16],
        **{name: text(name) for name in ("data", "model")},
        "recipe": shown(" ".join([text("recipe"), *changes])),
        **{name: text(name) for name in _SHOWN_IF_DIFFERENT},
        "epochs": "" if asked is None else f"{done}" if done == asked else f"{done} of {asked}",
        "seed": "" if run.get("seed") is None else f"{run['seed']}",
        "accuracy": figure("accuracy", ".4f"),
        "averaged": figure("averaged_accuracy", ".4f"),
        "test": figure("test_accuracy", ".4f"),
        "seconds": figure("seconds", ",.0f"),
        "state": "" if run["state"] == "finished" else shown(run["state"]),
    }


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Returns rows as lines with aligned columns, those in `right` to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{'>' if place in right else '<'}{widths[place]}}" for place, cell in enumerate(row)).rstrip()
        for row in rows
    )


def _settings(settings: Mapping[str, str | None]) -> str:
    return ", ".join(name if value is None else f"{name}={value}" for name, value in settings.items())


@functools.cache
def _tree(module: str) -> ast.Module:
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _imports(module: str) -> dict[str, str]:
    """Returns what a module imports from this package: the module that each name is from."""
    found: dict[str, str] = {}
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kerastricks."):
            found |= {alias.name: str(node.module) for alias in node.names}
    return found


def _class(module: str, name: str) -> tuple[dict[str, str | None], str]:
    """Returns the settings of a dataclass, those of its bases first, and its docstring."""
    imports = _imports(module)
    node = next(one for one in _tree(module).body if isinstance(one, ast.ClassDef) and one.name == name)
    settings: dict[str, str | None] = {}
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in imports:
            settings |= _class(imports[base.id], base.id)[0]
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            settings[line.target.id] = None if line.value is None else ast.unparse(line.value)
    return settings, ast.get_docstring(node) or ""
