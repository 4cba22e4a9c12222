"""The hooks of a recipe's tricks, applied to a model in their order."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerastricks.models.heads import class_count, crossentropy
from kerastricks.optimizers.schedules import LearningRate, later
from kerastricks.training.checks import check_metrics, check_setup
from kerastricks.training.compilation import accuracies, jit_compile
from kerastricks.training.devices.one import Devices
from kerastricks.training.engine import Engine
from kerastricks.training.trick import Plan, Setup

if TYPE_CHECKING:
    from kerastricks.training.recipe import Recipe


def fold(
    recipe: "Recipe",
    model: Any,
    plan: Plan,
    *,
    loss: Any,
    images: np.ndarray | None,
    metrics: Sequence[Any],
    steps_per_execution: int,
    begins: bool = True,
    devices: Devices | None = None,
) -> Engine:
    """Does what `kerastricks.Recipe.compile` says: first all that only looks, then what changes the model.

    Tricks check a run that begins: one that goes on may have a model that they have changed and trained before.
    """
    check_metrics(metrics)
    setup, learning_rate = look(recipe, model, plan, loss, images, begins)
    plan, loss, optimizer = setup.plan, setup.loss, setup.optimizer
    classes = class_count(model)
    stages: dict[int, list] = {}
    for trick in recipe.tricks:
        for epoch, action in trick.stages(model, plan).items():
            stages.setdefault(epoch, []).extend([] if action is None else [action])
    for trick in recipe.tricks:
        model = trick.model(model, plan)
    for trick in recipe.tricks:
        loss = trick.loss(loss, plan)
    auxiliaries = [layer for trick in recipe.tricks if (layer := trick.auxiliary(model, plan)) is not None]
    averages = [found for trick in recipe.tricks if (found := trick.averages(model, plan)) is not None]
    engine = Engine(
        model,
        recipe.tricks,
        classes,
        auxiliaries=auxiliaries,
        averages=averages[0] if averages else None,
        learning_rate=learning_rate,
        plan=plan,
        devices=devices,
    )

    def compile_anew(start: int, optimizer: Any = None) -> None:
        optimizer = optimizer or _optimizer(recipe, later(learning_rate, start, engine.rate_factor))
        engine.begun = start
        for trick in recipe.tricks:
            optimizer = trick.optimizer(optimizer, model, dataclasses.replace(plan, start=start))
        engine.compile(
            optimizer=engine.devices.optimizer(optimizer),
            loss=loss,
            metrics=[*accuracies(classes), *metrics],
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile(),
        )

    engine.stages, engine.compile_anew = stages, compile_anew
    compile_anew(0, optimizer)
    return engine


def _optimizer(recipe: "Recipe", learning_rate: Any) -> Any:
    return recipe.optimizer(learning_rate=learning_rate, weight_decay=recipe.weight_decay or None)


def look(
    recipe: "Recipe", model: Any, plan: Plan, loss: Any, images: np.ndarray | None, begins: bool = True
) -> tuple[Setup, Any]:
    """Returns what a run begins with, checked, and the learning rate; changes nothing.

    Raises:
        ValueError: See `kerastricks.Recipe.compile`.
    """
    if not model.built:
        raise ValueError(f"The model '{model.name}' is not built. Call it once on a batch of images first.")
    if getattr(model, "preprocessor", None) is not None:
        raise ValueError(
            f"The model '{model.name}' has a preprocessor, which is no part of its graph: `fit` of KerasHub scales the "
            "images by it first. Build the model with `kt.models.build(preset_directory, ...)`, which puts the scaling "
            "into the graph, or scale the images yourself and set `model.preprocessor = None`."
        )
    class_count(model)  # raises
    for trick in recipe.tricks:
        plan = trick.plan(plan)
    phases = LearningRate(recipe.learning_rate)
    for trick in recipe.tricks:
        phases = trick.learning_rate(phases, plan)
    learning_rate = phases.join(plan.total_steps, plan.accumulation)
    optimizer = _optimizer(recipe, learning_rate)
    given = loss is not None
    loss = _loss(loss) if given else crossentropy(model)
    setup = Setup(model, plan, phases, loss, optimizer, recipe.tricks, images, given)
    if begins:
        check_setup(setup)
    return setup, learning_rate


def applicable(
    recipe: "Recipe", model: Any, plan: Plan, images: np.ndarray | None = None, asked: Sequence[str] = ()
) -> tuple["Recipe", dict[str, str]]:
    """Returns a recipe without the tricks that do not apply to a run, and why each was left out, by its name.

    Args:
        recipe: The recipe.
        model: The model that it is to train; it is not changed.
        plan: Length and seed of the run.
        images: Some of the training images, (N, H, W, C).
        asked: Names of tricks that are not to be left out.

    Raises:
        ValueError: If one of those, or something else than a trick, does not fit.
    """
    left_out: dict[str, str] = {}
    while True:
        try:
            look(recipe, model, plan, None, images)
        except ValueError as error:
            blamed = next((name for name in recipe.names if str(error).startswith(name)), None)
            if blamed is None or blamed in asked:
                raise
            left_out[blamed] = str(error)
            recipe = recipe.without(blamed)
        else:
            return recipe, left_out


def _loss(loss: Any) -> Any:
    """Returns a loss of the user's as an object or a function, also where it is a name."""
    return keras.losses.get(loss) if isinstance(loss, str) else loss
