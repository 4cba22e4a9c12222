"""Data, recipe and network of a task."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from kerastricks import data as data_room
from kerastricks import models
from kerastricks.commands.task import Task
from kerastricks.models.precision import accelerator_name
from kerastricks.recipes.choose import choose
from kerastricks.training.fold import applicable
from kerastricks.training.recipe import Recipe
from kerastricks.training.trick import Plan
from kerastricks.tricks import BatchNormMomentum

CACHE_SIZE = 10.0  # GB


class Prepared(NamedTuple):
    """What a run needs, and lines that say what was left out or passed over.

    The plan is that of the batches: tricks may change it.
    """

    data: data_room.Data
    recipe: Recipe
    network: Any
    plan: Plan
    notes: tuple[str, ...] = ()


def recipe(task: Task) -> Recipe:
    """Returns the recipe of a task; `batch_size` and, with the durations of its tricks, `epochs` are the task's.

    Raises:
        ValueError: If there is no such recipe, trick or model, or the task asks for a backend that Keras is not on.
    """
    check_backend(task)
    return _recipes(task)[1]


def check_backend(task: Task) -> None:
    """Raises a `ValueError` if a task asks for a backend that Keras is not on."""
    if task.backend not in (None, keras.backend.backend()):
        raise ValueError(
            f"Keras runs on {keras.backend.backend()} already. Received: backend={task.backend!r}. "
            f"Set KERAS_BACKEND={task.backend} before Python starts."
        )


def _recipes(task: Task) -> tuple[Recipe, Recipe]:
    """Returns the recipe of a task as it was written, and as the task wants it; a file is read once."""
    models.find(task.model)
    asked = task.recipe_name if task.recipe is None else task.recipe
    written = choose(asked, task.without, task.efficient, task.learning_rate)
    chosen = written
    if task.batch_size is not None:
        chosen = dataclasses.replace(chosen, batch_size=task.batch_size)
    epochs = getattr(task, "epochs", None)
    if epochs is not None and epochs != chosen.epochs:
        scales = isinstance(asked, str)  # a `Recipe` of a Python caller's is taken as it is
        chosen = chosen.scaled(epochs) if scales else dataclasses.replace(chosen, epochs=epochs)
    return written, chosen


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

    A recipe that nobody asked for loses the tricks that do not apply.

    Raises:
        ValueError: If a setting does not fit; what needs no data is said before it is read.
    """
    check_backend(task)
    written, chosen = _recipes(task)
    Plan(chosen.epochs, 1, chosen.batch_size, task.seed)  # raises
    data = load(task, report)
    keras.utils.set_random_seed(task.seed % 2**32)
    shape = chosen.image_shape(data.image_shape)
    network = models.build(task.model, classes=len(data.classes), input_shape=shape)
    steps = -(-len(data.train[1]) // chosen.batch_size)
    plan = Plan(chosen.epochs, steps, chosen.batch_size, task.seed)
    notes = [*data.notes, *_scaling(written.epochs, chosen)]
    if task.recipe is None:
        # Short runs of networks with a long memory: dropped without a word where it would change nothing.
        chosen = dataclasses.replace(chosen, tricks=(*chosen.tricks, BatchNormMomentum()))
        some = np.asarray(data.train[0][np.arange(1)])
        chosen, left_out = applicable(chosen, network, plan, some, ("Efficient",) if task.efficient else ())
        left_out.pop("BatchNormMomentum", None)
        notes += [f"left out: {reason.partition('. ')[0]}." for reason in left_out.values()]
    return Prepared(data, chosen, network, plan, tuple(notes))


def _scaling(written_for: int, scaled: Recipe) -> list[str]:
    """Returns a line if the recipe is of another length than it was written for, in epochs."""
    durations = [
        f"{trick.name} {name}={value:.3g}" if isinstance(value, int | float) else f"{trick.name} {name}={value}"
        for trick in scaled.tricks
        for name in trick.durations
        if (value := getattr(trick, name))
    ]
    if written_for == scaled.epochs or not durations:
        return []
    return [f"the recipe is for {written_for} epochs; its durations for {scaled.epochs}: {', '.join(durations)}"]


def summary(prepared: Prepared, task: Task) -> str:
    """Returns what a run is about to take, in a line or two."""
    data, recipe, network, plan, _ = prepared
    names = ", ".join(data.classes[:3]) + (", …" if len(data.classes) > 3 else "")
    held_out = f" ({data.validation_from})" if data.validation_from else ""
    size = "×".join(map(str, data.image_shape))
    return (
        f"{data.name}: {len(data.classes)} classes ({names}), {len(data.train[1]):,} images of {size} to train on, "
        f"{len(data.validation[1]):,} to validate{held_out}\n"
        f"{task.model}, {network.count_params():,} parameters; recipe {task.recipe_name}, {len(recipe.tricks)} tricks; "
        f"{plan.epochs} epoch{'s' * (plan.epochs > 1)} of {plan.steps_per_epoch} steps, batch {plan.batch_size}; on "
        f"{keras.backend.backend()}, {accelerator_name() or 'CPU'}"
    )
