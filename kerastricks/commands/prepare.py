"""Data, recipe and network of a task."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from kerastricks import data as data_room
from kerastricks import models
from kerastricks.commands.defaults import (
    batched,
    check_words,
    fitted,
    has_default,
    has_learned,
    in_batches,
    in_flags,
    photograph_size,
)
from kerastricks.commands.task import Task
from kerastricks.models.precision import accelerator_name
from kerastricks.recipes import spoken
from kerastricks.recipes.choose import choose
from kerastricks.training.checkpoints import Checkpoint
from kerastricks.training.fold import applicable
from kerastricks.training.recipe import Recipe
from kerastricks.training.trick import Plan, Trick
from kerastricks.tricks import BatchNormMomentum


class Prepared(NamedTuple):
    """What a run needs, and lines that say what was chosen, left out or passed over.

    The task is the one that was asked for, with the model, weights and recipe that it did not name; the plan is that of
    the batches: tricks may change it.
    """

    task: Any
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
    return _recipe(task)[0]


def recipe_notes(task: Task) -> list[str]:
    """Returns lines that say what a task changes in its recipe beyond what it names."""
    return _recipe(task)[1]


def check_backend(task: Any) -> None:
    """Raises a `ValueError` if a task asks for a backend that Keras is not on."""
    if task.backend not in (None, keras.backend.backend()):
        raise ValueError(
            f"Keras runs on {keras.backend.backend()} already. Received: backend={task.backend!r}. "
            f"Set KERAS_BACKEND={task.backend} before Python starts."
        )


def _recipe(task: Task) -> tuple[Recipe, list[str]]:
    """Returns the recipe of a task, and lines on what is not as it was written; a file is read once.

    Durations follow the length of the run, but those that the task itself names stay.
    """
    if task.model is not None:
        models.find(task.model)
    asked = task.recipe_name if task.recipe is None else task.recipe
    added = [spoken.trick(words) for words in task.spoken]
    written = choose(asked, task.without, task.efficient, task.learning_rate)
    chosen: Recipe = written
    notes: list[str] = []
    if (optimizer := getattr(task, "optimizer", None)) is not None:
        chosen = dataclasses.replace(chosen, optimizer=spoken.optimizer(optimizer))
        notes = _rates(written, chosen) if task.learning_rate is None else []
    if task.batch_size is not None:
        chosen, more = in_batches(task, chosen, task.batch_size, added)
        notes += more
    epochs = getattr(task, "epochs", None)
    if epochs is not None and epochs != chosen.epochs:
        scales = isinstance(asked, str)  # a `Recipe` of a Python caller's is taken as it is
        chosen = chosen.scaled(epochs) if scales else dataclasses.replace(chosen, epochs=epochs)
    names = [trick.name for trick in added]
    notes += _scaling(written.epochs, chosen, [trick for trick in chosen.tricks if trick.name not in names])
    return spoken.adding(chosen, added), notes


def _rates(written: Recipe, chosen: Recipe) -> list[str]:
    """Returns a line if the learning rate and the weight decay were chosen for another optimizer."""
    if written.optimizer is chosen.optimizer:
        return []
    before, now = (getattr(one.optimizer, "__name__", repr(one.optimizer)) for one in (written, chosen))
    return [
        f"{now} takes the recipe's learning rate, {chosen.learning_rate:g}, and weight decay, "
        f"{chosen.weight_decay:g}, which were chosen for {before}: --learning-rate sets another"
    ]


def load(
    task: Task,
    report: Callable[[int, int], None] = lambda done, total: None,
    default_size: int | None = None,
) -> data_room.Data:
    """Returns the data of a task.

    Args:
        task: The task; its data may be loaded already.
        report: Called with the images decoded so far and their total.
        default_size: Side in pixels of images of several sizes; by default the task's.

    Raises:
        ValueError: If there is no such data, or a setting would be ignored.
    """
    listed = isinstance(task.data, str) and task.data != "digits"
    for name in ("image_size", "cache_size", "deepest", "allow_bad"):
        value = getattr(task, name)
        if value not in (None, False) and not listed:
            what = "digits are 8×8" if task.data == "digits" else "the data is loaded already"
            raise ValueError(f"`{name}` is for folders; {what}. Received: {name}={value}")
    if not isinstance(task.data, str):
        return task.data if task.images is None else task.data.part(task.images)
    return data_room.load(
        task.data,
        image_size=task.image_size,
        seed=task.seed,
        cache_size=task.cache_size,
        images=task.images,
        report=report,
        deepest=task.deepest,
        allow_bad=task.allow_bad,
        default_size=photograph_size(task) if default_size is None else default_size,
    )


def prepare(task: Task, report: Callable[[int, int], None] = lambda done, total: None) -> Prepared:
    """Returns data, recipe, network and plan of a task; seeds Keras' generators.

    A recipe that nobody asked for loses the tricks that do not apply.

    Raises:
        ValueError: If a setting does not fit; what needs no data is said before it is read.
    """
    check_backend(task)
    check_words(task)
    if task.recipe is not None:
        _check_plan(_recipe(task)[0], task)
    data = load(task, report)
    asked = [words.partition(":")[0] for words in task.spoken] + ["Efficient"] * task.efficient
    side, named = min(data.image_shape[:2]), not has_default(task)
    task, notes = fitted(task, side)
    chosen, more = _recipe(task)
    _check_plan(chosen, task)
    notes = [*data.notes, data_room.balance(data.counts()), *notes, *more]
    keras.utils.set_random_seed(task.seed % 2**32)
    shape = chosen.image_shape(data.image_shape)
    assert task.model is not None  # `fitted` names one
    network, loaded = models.assemble(task.model, len(data.classes), shape, task.weights)
    notes += [loaded] * bool(loaded)
    chosen, more = batched(task, network, chosen, len(data.train[1]))
    notes += more
    steps = -(-len(data.train[1]) // chosen.batch_size)
    plan = Plan(chosen.epochs, steps, chosen.batch_size, task.seed)
    left_out: dict[str, str] = {}
    if task.recipe is None:
        # Short runs of networks with a long memory; one that has learned has statistics worth keeping.
        learned = task.weights is not None or has_learned(task.model)
        if not learned and BatchNormMomentum.__name__ not in chosen.names:
            chosen = dataclasses.replace(chosen, tricks=(*chosen.tricks, BatchNormMomentum()))
        some = np.asarray(data.train[0][np.arange(1)])
        chosen, left_out = applicable(chosen, network, plan, some, asked)
        for name in {"BatchNormMomentum", "Efficient"} & left_out.keys():  # speed and upkeep: nobody misses them
            del left_out[name]
        notes += [f"left out: {reason.partition('. ')[0]}." for reason in left_out.values()]
        task = dataclasses.replace(task, efficient="Efficient" in chosen.names)
    if not named:
        notes.append(in_flags(task, chosen, left_out, side))
    return Prepared(task, data, chosen, network, plan, tuple(notes))


def _check_plan(chosen: Recipe, task: Task) -> None:
    """Raises a `ValueError` if the length, batch or seed of a run is out of its range."""
    Plan(chosen.epochs, 1, chosen.batch_size, task.seed)


def fit(prepared: Prepared, callbacks: Sequence[Any], checkpoint: Checkpoint | None = None) -> Any:
    """Trains, and returns Keras' `History`; the classes are balanced in the loss if the task asks for it."""
    task, data, chosen, network, plan, _ = prepared
    weights = None
    if getattr(task, "balance", False):
        counts = [*data.counts().values()]
        weights = {label: sum(counts) / (len(counts) * count) for label, count in enumerate(counts)}
    return chosen.fit(
        network,
        data.train,
        validation_data=data.validation,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        seed=plan.seed,
        class_weight=weights,
        callbacks=callbacks,
        verbose=0,
        checkpoint=checkpoint,
        on_nan=getattr(task, "on_nan", "stop"),
        devices=getattr(task, "devices", None),
        synchronized=getattr(task, "synchronized", True),
    )


def _scaling(written_for: int, scaled: Recipe, tricks: Sequence[Trick]) -> list[str]:
    """Returns a line if the recipe is of another length than it was written for, in epochs, on some of its tricks."""
    durations = [
        f"{trick.name} {name}={value:.3g}" if isinstance(value, int | float) else f"{trick.name} {name}={value}"
        for trick in tricks
        for name in trick.durations
        if (value := getattr(trick, name))
    ]
    if written_for == scaled.epochs or not durations:
        return []
    return [f"the recipe is for {written_for} epochs; its durations for {scaled.epochs}: {', '.join(durations)}"]


def announcement(prepared: Prepared) -> str:
    """Returns what a run is about to take, in a line or two."""
    task, data, recipe, network, plan, _ = prepared
    names = ", ".join(data.classes[:3]) + (", …" if len(data.classes) > 3 else "")
    held_out = f" ({data.validation_from})" if data.validation_from else ""
    tested = f", {len(data.test[1]):,} to test at the end" if data.test is not None else ""
    size = "×".join(map(str, data.image_shape))
    devices = getattr(task, "devices", None)
    shared = "" if devices in (None, 1) else f", {devices} devices"
    return (
        f"{data.name}: {len(data.classes)} classes ({names}), {len(data.train[1]):,} images of {size} to train on, "
        f"{len(data.validation[1]):,} to validate{held_out}{tested}\n"
        f"{task.model}, {network.count_params():,} parameters; recipe {task.recipe_name}, {len(recipe.tricks)} tricks; "
        f"{plan.epochs} epoch{'s' * (plan.epochs > 1)} of {plan.steps_per_epoch} steps, batch {plan.batch_size}; on "
        f"{keras.backend.backend()}, {accelerator_name() or 'CPU'}{shared}"
    )
