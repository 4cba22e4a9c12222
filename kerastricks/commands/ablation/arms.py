"""The arms of an ablation: the recipe of each, what its runs are asked to do, and which arms are compared."""

import dataclasses
import os
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from kerastricks.commands import prepare
from kerastricks.commands.ablation import designs
from kerastricks.commands.ablation.designs import Comparison
from kerastricks.commands.ablation.jobs import Job
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.task import TrainTask
from kerastricks.recipes.choose import checksum
from kerastricks.training.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Arms:
    """What an ablation trains and compares.

    Attributes:
        recipe: The recipe that the ablation is about, without `Efficient` where the task puts it before the tricks.
        recipes: The recipe of each arm, by its name.
        tasks: What the runs of each arm are asked to do, but for their seed.
        comparisons: Which arms are compared.
        checksums: Those of the recipe files, None for other recipes; by file or name.
        notes: Lines on what is not as the recipes say.
    """

    recipe: Recipe
    recipes: dict[str, Recipe]
    tasks: dict[str, TrainTask]
    comparisons: list[Comparison]
    checksums: dict[Any, int | None]
    notes: tuple[str, ...] = ()

    def job(self, arm: str, *, epochs: int | None = None, seed: int, checkpoints: str | None = None) -> Job:
        """Returns a run of an arm."""
        task = dataclasses.replace(self.tasks[arm], epochs=epochs, seed=seed)
        return Job(task, self.checksums[_key(task.recipe)], checkpoints)

    def settings(self, task: AblateTask) -> dict[str, Any]:
        """Returns what must stay as it is while runs are added to an ablation, but for the images."""
        described = list(self.recipes.values()) if task.against else [self.recipe]
        checksums = list(self.checksums.values())
        return {
            **{name: value for name, value in task.settings().items() if name not in AblateTask.MAY_CHANGE},
            "epochs": self.recipe.epochs if task.minutes is None else None,
            "batch_size": self.recipe.batch_size,
            "recipe_is": re.sub(r" at 0x[0-9a-f]+", "", "\n".join(map(repr, described))),
            "recipe_checksum": checksums if task.against else checksums[0],
            "network_contents": _contents(task),
            "arms": list(self.recipes),
            "backend": keras.backend.backend(),
        }


def _contents(task: AblateTask) -> list[int] | None:
    """Returns the CRC-32 of each file that the network and its weights are read from, None without any."""
    places = [Path(name) for name in (task.model, task.weights) if name]
    files = [file for place in places for file in (sorted(place.rglob("*")) if place.is_dir() else [place])]
    return [zlib.crc32(file.read_bytes()) for file in files if file.is_file()] or None


def arms(task: AblateTask) -> Arms:
    """Returns the arms of an ablation.

    Raises:
        ValueError: If a recipe, the design or a trick is unknown, or there is nothing to compare.
    """
    return _recipes(task) if task.against else _design(task)


def _design(task: AblateTask) -> Arms:
    whole = prepare.recipe(dataclasses.replace(task, efficient=False))
    alone = dataclasses.replace(task, efficient=False, with_tricks=(), early_stopping=None)
    own = prepare.recipe(alone) if task.spoken else whole
    judged = task.tricks or whole.names
    recipe = prepare.recipe(task) if task.efficient and judged else whole
    recipes, comparisons = designs.arms(recipe, task.design, judged)
    tasks = {arm: _lacking(task, own.names, recipes[arm]) for arm in recipes}
    return Arms(whole, recipes, tasks, comparisons, _checksums([task.recipe]))


def _lacking(task: AblateTask, own: Sequence[str], arm: Recipe) -> TrainTask:
    """Returns what the runs of an arm are asked to do: the same task without the tricks that the arm lacks.

    Args:
        task: The ablation.
        own: Names of the tricks that the recipe holds before the task adds some.
        arm: The recipe of the arm.
    """
    return _run(
        task,
        without=(*task.without, *(name for name in own if name not in arm.names)),
        with_tricks=tuple(words for words in task.spoken if words.partition(":")[0] in arm.names),
        early_stopping=None,  # it is among `spoken`
        efficient=task.efficient and "Efficient" in arm.names,
    )


def _recipes(task: AblateTask) -> Arms:
    names = _names((task.recipe_name, *task.against))
    asked = dict(zip(names, (task.recipe, *task.against), strict=True))
    recipes = {}
    for name, recipe in asked.items():
        try:
            recipes[name] = prepare.recipe(dataclasses.replace(task, recipe=recipe))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    first, *others = names
    comparisons = [Comparison(f"{first} over {other}", (first,), (other,)) for other in others]
    tasks = {name: _run(task, recipe=recipe) for name, recipe in asked.items()}
    epochs = recipes[first].epochs
    notes = tuple(
        f"{name} trains for {epochs} epochs, as {first} does, in place of its own {recipe.epochs}"
        for name, recipe in recipes.items()
        if recipe.epochs != epochs and task.minutes is None
    )
    return Arms(recipes[first], recipes, tasks, comparisons, _checksums(list(asked.values())), notes)


def _names(recipes: Sequence[str]) -> list[str]:
    """Returns a name for each recipe: without folder and ending, where those tell them apart.

    Raises:
        ValueError: If a recipe stands there twice.
    """
    files = [os.path.realpath(name) if name.endswith(".py") else name for name in recipes]
    if twice := sorted({name for name, file in zip(recipes, files, strict=True) if files.count(file) > 1}):
        raise ValueError(f"`against` must name other recipes, each once. Received twice: {', '.join(twice)}")
    stems = [Path(name).stem if name.endswith(".py") else name for name in recipes]
    return [stem if stems.count(stem) == 1 else name for stem, name in zip(stems, recipes, strict=True)]


def _checksums(recipes: Sequence[Any]) -> dict[Any, int | None]:
    return {_key(recipe): checksum(recipe) for recipe in recipes}


def _key(recipe: Any) -> str:
    return recipe if isinstance(recipe, str) else "recipe"


def _run(task: AblateTask, **changes: Any) -> TrainTask:
    """Returns what a run is asked to do: what the ablation is, with some changes."""
    shared = {field.name: getattr(task, field.name) for field in dataclasses.fields(TrainTask) if field.name != "out"}
    return TrainTask(**{**shared, **changes})
