"""The arms of an ablation: the recipe of each, what its runs are asked to do, and which arms are compared."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    """

    recipe: Recipe
    recipes: dict[str, Recipe]
    tasks: dict[str, TrainTask]
    comparisons: list[Comparison]
    checksums: dict[Any, int | None]

    def job(self, arm: str, *, epochs: int | None = None, seed: int, checkpoints: str | None = None) -> Job:
        """Returns a run of an arm."""
        task = dataclasses.replace(self.tasks[arm], epochs=epochs, seed=seed)
        return Job(task, self.checksums[_key(task.recipe)], checkpoints)


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
    recipes = {name: prepare.recipe(dataclasses.replace(task, recipe=recipe)) for name, recipe in asked.items()}
    first, *others = names
    comparisons = [Comparison(f"{first} over {other}", (first,), (other,)) for other in others]
    tasks = {name: _run(task, recipe=recipe) for name, recipe in asked.items()}
    return Arms(recipes[first], recipes, tasks, comparisons, _checksums(list(asked.values())))


def _names(recipes: Sequence[str]) -> list[str]:
    """Returns a name for each recipe: without folder and ending, where those tell them apart.

    Raises:
        ValueError: If a recipe stands there twice.
    """
    if twice := [name for name, count in Counter(recipes).items() if count > 1]:
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
