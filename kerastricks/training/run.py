"""A run of a recipe from beginning to end, or from where it was stopped: what `Recipe.fit` does."""

import contextlib
import functools
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerastricks.models.drop_path import dropping, remove_drop_paths
from kerastricks.models.graph import all_layers, has_graph
from kerastricks.models.heads import class_count
from kerastricks.training import checkpoint_file
from kerastricks.training.batches import TrainingBatches
from kerastricks.training.callbacks import DataWait, LearningRateLog
from kerastricks.training.checkpoints import Checkpoint
from kerastricks.training.devices import choose
from kerastricks.training.devices.one import Devices
from kerastricks.training.fingerprint import difference, fingerprint
from kerastricks.training.fit import Begin, Source, check_backup, check_lengths, listed, warn_if_statistics_lag
from kerastricks.training.fold import fold
from kerastricks.training.guard import Guard
from kerastricks.training.saver import Saver
from kerastricks.training.stages import fit_in_stages
from kerastricks.training.trick import Plan

if TYPE_CHECKING:
    from kerastricks.training.recipe import Recipe


def run(
    recipe: "Recipe",
    model: Any,
    train: Any,
    *,
    validation_data: Any,
    epochs: int | None,
    batch_size: int | None,
    seed: int,
    callbacks: Any,
    loss: Any,
    metrics: Any,
    verbose: Any,
    sample_weight: Any,
    class_weight: Any,
    validation_split: float,
    validation_freq: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    steps_per_execution: int,
    checkpoint: Any,
    on_nan: str,
    devices: Any,
    synchronized: bool,
) -> Any:
    """Does what `kerastricks.Recipe.fit` says."""
    epochs = recipe.epochs if epochs is None else epochs
    if on_nan not in ("stop", "rollback"):
        raise ValueError(f"`on_nan` must be 'stop' or 'rollback'. Received: on_nan={on_nan!r}")
    source = Source(train, validation_data, validation_split, sample_weight, class_weight)
    plan = source.plan(epochs, batch_size, recipe.batch_size, seed, steps_per_epoch)
    keras.utils.set_random_seed(seed % 2**32)
    if not model.built:
        model(np.zeros((1, *recipe.image_shape(source.images.shape[1:])), "float32"))
    check_lengths(plan, initial_epoch, steps_per_execution)
    source.check(class_count(model), recipe.tricks)
    kept = Checkpoint(checkpoint) if isinstance(checkpoint, str | os.PathLike) else checkpoint
    settings = {
        "class weights": class_weight,
        "loss": loss,
        "metrics": listed(metrics),
        "steps per execution": steps_per_execution,
        "validation_freq": validation_freq,
        "initial_epoch": initial_epoch,
    }
    own = fingerprint(recipe, model, plan, source, settings)
    spread = choose(devices, plan, synchronized)
    if spread.ranks > 1 and on_nan == "rollback":
        raise ValueError(
            "`on_nan='rollback'` goes back in one process alone. Pass 'stop' where several train together, and go on "
            "from a checkpoint."
        )
    kept = None if spread.rank else kept  # the first process alone writes
    saved = _saved(kept, own, spread)
    with _put_back(model), spread.entered(model):
        engine = fold(
            recipe,
            model,
            plan,
            loss=loss,
            metrics=listed(metrics),
            images=source.images,
            steps_per_execution=steps_per_execution,
            begins=saved is None,
            devices=spread,
        )
        check_backup(listed(callbacks), engine.stages)
        plan = engine.plan or plan
        batches = source.training(plan, recipe.tricks, engine.classes, spread)
        logs: list = [LearningRateLog(plan.steps_per_epoch)]
        if isinstance(batches, TrainingBatches):
            logs.append(DataWait(batches.ready, plan.steps_per_epoch))
        if saved is not None:
            _say_growth(saved, engine, plan)
        folded: list = functools.reduce(lambda callbacks, trick: trick.callbacks(callbacks, plan), recipe.tricks, [])
        try:
            history = fit_in_stages(
                engine,
                batches,
                Guard(plan, batches, Saver(kept, plan, own) if kept else None, on_nan == "rollback"),
                saved,
                epochs=epochs,
                initial_epoch=initial_epoch,
                steps_per_epoch=plan.steps_per_epoch,
                validation_data=source.validation(plan.batch_size, engine.classes, spread),
                validation_freq=validation_freq,
                callbacks=[*logs, *folded, *listed(callbacks), Begin(batches, plan, saved is not None)],
                verbose=verbose,
            )
        except Exception as error:
            if batches.failure is None:
                raise
            raise batches.failure from error  # the backend's own error says less
    engine.compile_network(source.integer_labels)
    warn_if_statistics_lag(model, history.history, plan.batches)
    return history


@contextlib.contextmanager
def _put_back(model: Any) -> Iterator[None]:
    """Puts back what tricks set on the layers of a model if the block raises: the same call can then be made again.

    Paths are dropped within the block alone.
    """
    layers = all_layers(model) if has_graph(model) else []
    before = [(layer, layer.trainable, layer.dtype_policy, getattr(layer, "momentum", None)) for layer in layers]
    own = dropping(model)
    try:
        yield
    except BaseException:
        for layer, trainable, policy, momentum in before:
            layer.trainable, layer.dtype_policy = trainable, policy
            if momentum is not None:
                layer.momentum = momentum
        raise
    finally:
        if own is None:
            remove_drop_paths(model)


def _saved(checkpoint: Checkpoint | None, own: dict[str, Any], spread: Devices) -> Any:
    """Returns what the run goes on from, or None; all processes what the first one has."""
    if spread.ranks == 1:
        return _found(checkpoint, own)[1]
    failure: Exception | None = None
    content = b""
    try:
        path, _ = _found(checkpoint, own)
        content = path.read_bytes() if path else b""
    except (ValueError, OSError) as error:
        failure, content = error, b"-"
    content = spread.from_first(content)
    if failure is not None:
        raise failure
    if content == b"-":
        raise ValueError("Process 0 cannot go on from its checkpoint; it says why.")
    return checkpoint_file.parsed(content, "The checkpoint of process 0") if content else None


def _found(checkpoint: Checkpoint | None, own: dict[str, Any]) -> tuple[Path | None, Any]:
    """Returns the checkpoint to go on from and what it holds, or None twice.

    Raises:
        ValueError: If it was another run.
    """
    if checkpoint is None:
        return None, None
    try:
        found = checkpoint.latest()
    except ValueError:
        if checkpoint.others != "replace":
            raise
        checkpoint.clear()
        return None, None
    if found is None:
        return None, None
    path, saved = found
    differs = difference(saved.header["fingerprint"], own)
    if differs and checkpoint.others == "replace":
        checkpoint.clear()
        return None, None
    if differs:
        raise ValueError(
            f"{checkpoint.path} holds a run with other settings: {'; '.join(differs)}. Pass the settings that it had "
            "then, or another directory."
        )
    return path, saved


def _say_growth(saved: Any, engine: Any, plan: Plan) -> None:
    """Warns where a run has more epochs than before, and its schedule makes a jump there."""
    done, then = saved.header["epoch"], saved.header["fingerprint"]["epochs"]
    before, now = saved.header["learning_rate"], engine.rate_at(done * plan.steps_per_epoch)
    if plan.epochs > then and not math.isclose(before, now, rel_tol=1e-3):
        warnings.warn(
            f"The run goes on after epoch {done} to {plan.epochs}: its learning rate, {before:.4f} at the end of the "
            f"{then} epochs, becomes {now:.4f}, that of a run of {plan.epochs} epochs at this point.",
            stacklevel=5,
        )
