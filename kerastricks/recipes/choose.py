"""The recipes: shipped modules by name, or a Python file of the user's."""

import dataclasses
import difflib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
import zlib
from collections.abc import Sequence
from pathlib import Path

import kerastricks.recipes
from kerastricks.training.recipe import Recipe
from kerastricks.tricks import Efficient


def shipped() -> list[str]:
    """Returns the names of the shipped recipes."""
    prefix = kerastricks.recipes.__name__ + "."
    modules = pkgutil.walk_packages(kerastricks.recipes.__path__, prefix)
    return sorted(module.name.removeprefix(prefix).replace(".", "/") for module in modules if not module.ispkg)


def find(name: str) -> Recipe:
    """Returns a shipped recipe by its name, or the `recipe` of a Python file by its path.

    Raises:
        ValueError: If there is no such recipe, or the file raises; the message holds the traceback in the file.
    """
    if name.endswith(".py"):
        return _from_file(Path(name))
    if name not in shipped():
        near = difflib.get_close_matches(name, shipped(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"Unknown recipe '{name}'.{hint} Shipped: {', '.join(shipped())}; or pass a Python file.")
    return importlib.import_module(f"kerastricks.recipes.{name.replace('/', '.')}").recipe


def choose(recipe: str | Recipe, without: Sequence[str] = (), efficient: bool = False) -> Recipe:
    """Returns a recipe, less some of its tricks, and with `Efficient` before them if asked.

    Args:
        recipe: A recipe, or what `find` takes.
        without: Names of tricks to leave out.
        efficient: Whether `Efficient` comes first.

    Raises:
        ValueError: If there is no such recipe or trick, or `Efficient` is in the recipe already.
    """
    found = (recipe if isinstance(recipe, Recipe) else find(recipe)).without(*without)
    return dataclasses.replace(found, tricks=(Efficient(), *found.tricks)) if efficient else found


def text(name: str) -> int | None:
    """Returns a number that stands for the text of a recipe file, None for a shipped recipe."""
    return zlib.crc32(Path(name).read_bytes()) if name.endswith(".py") else None


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
