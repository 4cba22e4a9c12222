"""What an ablation takes where nobody said: the network and the recipe that `train` would, for the same images."""

import dataclasses
from typing import Any

from kerastricks.commands import prepare
from kerastricks.commands.ablation import jobs
from kerastricks.commands.ablation.arms import arms
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.defaults import fitted, has_default


def completed(task: AblateTask) -> tuple[AblateTask, list[str]]:
    """Returns a task that names its network and recipe, and lines on what was chosen.

    A recipe that nobody asked for comes with what `train` changes in it: without the tricks that do not apply, with
    moving averages that keep up with a short run, in batches that memory can train.

    Raises:
        ValueError: If a setting does not fit; what needs no data is said before it is read.
    """
    if not has_default(task):
        return task, []
    if task.recipe is not None:
        arms(task)
        side = min(jobs.load(task).image_shape[:2])
        found, lines = fitted(task, side)
        weights = f" --weights {found.weights}" if found.weights else ""
        return found, [*lines, f"chosen for images of {side} pixels: --model {found.model}{weights}"]
    prepared = prepare.prepare(task)
    chosen, recipe = prepared.task, prepared.recipe
    found = dataclasses.replace(chosen, recipe=chosen.recipe_name)
    named = prepare.recipe(found)
    changes: dict[str, Any] = {
        name: getattr(recipe, name)
        for name in ("batch_size", "learning_rate")
        if getattr(recipe, name) != getattr(named, name)
    }
    if not task.against:  # other recipes have tricks of their own
        changes["without"] = (*task.without, *(name for name in named.names if name not in recipe.names))
        changes["with_tricks"] = (*task.with_tricks, *(name for name in recipe.names if name not in named.names))
    return dataclasses.replace(found, **changes), list(prepared.notes)
