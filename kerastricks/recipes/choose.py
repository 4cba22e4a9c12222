"""The recipe of a run: a shipped one by name, or the user's Python file, without some tricks."""

import dataclasses
import importlib
import importlib.util
import sys
import traceback
import zlib
from collections.abc import Sequence
from pathlib import Path

from kerastricks.recipes import NAMES, TABLES, near
from kerastricks.training.recipe import Recipe
from kerastricks.tricks import Efficient


def find(name: str) -> Recipe:
    """Returns a shipped recipe by its name, or the `recipe` of a Python file by its path.

    Raises:
        ValueError: If there is no such recipe, or the file raises; the message holds the traceback in the file.
    """
    if name.endswith(".py"):
        return _from_file(Path(name))
    if name not in NAMES:
        raise ValueError(
            f"Unknown recipe '{name}'.{near(name, NAMES)} Shipped: {', '.join(NAMES)}; or pass a Python file."
        )
    return (
        TABLES[name].recipe(name) if name in TABLES else importlib.import_module(f"kerastricks.recipes.{name}").recipe
    )


def choose(
    recipe: str | Recipe, without: Sequence[str] = (), efficient: bool = False, learning_rate: float | None = None
) -> Recipe:
    """Returns a recipe without some tricks and, if asked, with `Efficient` first or another learning rate.

    Args:
        recipe: A recipe, or what `find` takes.
        without: Names of tricks to leave out.
        efficient: Whether `Efficient` comes first.
        learning_rate: Learning rate of the recipe, in place of its own.

    Raises:
        ValueError: If there is no such recipe or trick, or `Efficient` is in the recipe already.
    """
    found = recipe if isinstance(recipe, Recipe) else find(recipe)
    if efficient:
        found = dataclasses.replace(found, tricks=(Efficient(), *found.tricks))
    if learning_rate is not None:
        found = dataclasses.replace(found, learning_rate=learning_rate)
    return found.without(*without)


def checksum(recipe: str | Recipe) -> int | None:
    """Returns the CRC-32 of a recipe file, or None for other recipes."""
    if isinstance(recipe, Recipe) or not recipe.endswith(".py"):
        return None
    return zlib.crc32(Path(recipe).read_bytes())


def _from_file(path: Path) -> Recipe:
    if not path.is_file():
        raise ValueError(f"There is no recipe file {path}.")
    spec = importlib.util.spec_from_file_location(f"kerastricks_recipe_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # a .py path always has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(sys.exc_info()[2]) if Path(frame.filename) == path.resolve()]
        where = "".join(traceback.format_list(frames[-3:]))
        what = "".join(traceback.format_exception_only(error)).strip()
        raise ValueError(f"The recipe file {path} raised:\n{where}{what}") from None
    recipe = getattr(module, "recipe", None)
    if not isinstance(recipe, Recipe):
        raise ValueError(
            f"The recipe file {path} must hold `recipe = kt.Recipe(...)`. Received: {type(recipe).__name__}"
        )
    return recipe
