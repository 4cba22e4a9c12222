"""Data, recipe and network of a task."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from kerastricks import data as data_room
from kerastricks import models
from kerastricks.commands.task import Task
from kerastricks.recipes.choose import choose
from kerastricks.training.recipe import Recipe
from kerastricks.training.trick import Plan

CACHE_SIZE = 10.0  # GB


class Prepared(NamedTuple):
    """What a run needs. The plan is that of the batches: tricks may change it."""

    data: data_room.Data
    recipe: Recipe
    network: Any
    plan: Plan


def recipe(task: Task) -> Recipe:
    """Returns the recipe of a task; `epochs` and `batch_size` are those of the task where it names them.

    Raises:
        ValueError: If there is no such recipe, trick or model, or the task asks for a backend that Keras is not on.
    """
    if task.backend not in (None, keras.backend.backend()):
        raise ValueError(
            f"Keras runs on {keras.backend.backend()} already. Received: backend={task.backend!r}. "
            f"Set KERAS_BACKEND={task.backend} before Python starts."
        )
    models.find(task.model)
    chosen = choose(task.recipe, task.without, task.efficient, task.learning_rate)
    asked = {name: getattr(task, name, None) for name in ("epochs", "batch_size")}
    return dataclasses.replace(chosen, **{name: value for name, value in asked.items() if value is not None})


def load(task: Task, report: Callable[[int, int], None] = lambda done, total: None) -> data_room.Data:
    """Returns the data of a task.

    Args:
        task: The task; its data may be loaded already.
        report: Called with the images decoded so far and their total.

    Raises:
        ValueError: If there is no such data, or a setting would be ignored.
    """
    folder = isinstance(task.data, str) and task.data != "digits"
    for name in ("image_size", "cache_size"):
        value = getattr(task, name)
        if value is not None and not folder:
            what = "digits are 8×8" if task.data == "digits" else "the data is loaded already"
            raise ValueError(f"`{name}` is for folders; {what}. Received: {name}={value}")
    if not isinstance(task.data, str):
        return task.data if task.images is None else task.data.part(task.images)
    return data_room.load(
        task.data,
        image_size=task.image_size,
        seed=task.seed,
        cache_size=CACHE_SIZE if task.cache_size is None else task.cache_size,
        images=task.images,
        report=report,
    )


def prepare(task: Task, report: Callable[[int, int], None] = lambda done, total: None) -> Prepared:
    """Returns data, recipe, network and plan of a task; seeds Keras' generators.

    Raises:
        ValueError: If a setting does not fit; what needs no data is said before it is read.
    """
    chosen = recipe(task)
    Plan(chosen.epochs, 1, chosen.batch_size, task.seed)  # raises
    data = load(task, report)
    keras.utils.set_random_seed(task.seed % 2**32)
    shape = chosen.image_shape(data.image_shape)
    network = models.build(task.model, classes=len(data.classes), input_shape=shape)
    steps = -(-len(data.train[1]) // chosen.batch_size)
    return Prepared(data, chosen, network, Plan(chosen.epochs, steps, chosen.batch_size, task.seed))
