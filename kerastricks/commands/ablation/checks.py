"""What is found wrong with the network of an ablation before its first run: it would count as a result otherwise."""

from collections.abc import Iterable
from typing import Any

from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.defaults import batch_that_fits
from kerastricks.data import Data
from kerastricks.models import assemble
from kerastricks.training.recipe import Recipe


def check_network(task: AblateTask, recipe: Recipe, source: Data) -> None:
    """Raises a `ValueError` if the file of a network or of its weights cannot be read, or does not fit the images."""
    if str(task.model).endswith(".keras") or task.weights:
        _network(task, recipe.image_shape(source.image_shape), source)


def check_memory(task: AblateTask, recipes: Iterable[Recipe], source: Data) -> None:
    """Raises a `ValueError` if the largest batch of an arm does not fit into memory."""
    largest: dict[tuple[int, int, int], int] = {}
    for one in recipes:
        shape = one.image_shape(source.image_shape)
        largest[shape] = max(largest.get(shape, 0), one.batch_size)
    for shape, batch_size in largest.items():
        batch_that_fits(_network(task, shape, source), batch_size, len(source.train[1]), asked=True)


def _network(task: AblateTask, shape: tuple[int, int, int], source: Data) -> Any:
    assert task.model is not None  # `completed` names one
    return assemble(task.model, len(source.classes), shape, task.weights)[0]
