"""What an ablation takes where nobody said: the network and the recipe that `train` would, for the same images."""

import dataclasses

from kerastricks.commands import prepare
from kerastricks.commands.ablation import jobs
from kerastricks.commands.ablation.arms import arms
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.defaults import check_words, fitted, has_default


def completed(task: AblateTask) -> tuple[AblateTask, list[str]]:
    """Returns a task that names its network and recipe, and lines on what was chosen.

    The recipe is judged as it is written, but for the learning rate, which follows `batch_size` as that of `train`
    does. Recipes that are compared get images of one size.

    Raises:
        ValueError: If a setting does not fit; what needs no images is said before they are read.
    """
    sized = task.image_size is not None or not isinstance(task.data, str) or task.data == "digits"
    if not has_default(task) and (sized or not task.against):
        return task, []
    check_words(task)
    if task.recipe is not None:
        arms(task)
    for recipe in task.against:
        prepare.recipe(dataclasses.replace(task, recipe=recipe))
    side = min(jobs.load(task).image_shape[:2])
    found, lines = fitted(task, side)
    named = dataclasses.replace(found, recipe=task.recipe or found.recipe_name, efficient=task.efficient)
    if task.against and not sized:
        named = dataclasses.replace(named, image_size=side)
    if not task.against and (rate := prepare.recipe(found).learning_rate) != prepare.recipe(named).learning_rate:
        named = dataclasses.replace(named, learning_rate=rate)
    flags = {name: getattr(named, name) for name in ("model", "weights", "recipe", "learning_rate", "image_size")}
    chosen = [f"--{name.replace('_', '-')} {value}" for name, value in flags.items() if value != getattr(task, name)]
    return named, [*lines, f"chosen for images of {side} pixels: {' '.join(chosen)}"]
