"""One training run of an ablation: an arm, with one seed."""

import contextlib
import dataclasses
import functools
import io
import math
import statistics
import time
from typing import Any

import keras

from kerastricks import data as data_room
from kerastricks import models
from kerastricks.commands import memory
from kerastricks.recipes import choose as recipes
from kerastricks.training.batches import EvaluationBatches
from kerastricks.training.callbacks import Clock
from kerastricks.training.recipe import Recipe
from kerastricks.training.trick import overrides


@dataclasses.dataclass(frozen=True)
class Job:
    """What a run needs; it can be sent to another process.

    Args:
        data: See `kerastricks.data.load`, or a `Data` object.
        recipe: The recipe of the arm: a `Recipe`, or what `kerastricks.recipes.choose.choose` takes, so that a file
            is read where the run is made.
        model: See `kerastricks.models.build`.
        epochs: Passes over the training images.
        batch_size: Images in a batch.
        seed: Seed of the weights, the order, every draw and, where the data brings none, the split.
        images: See `kerastricks.data.load`.
        image_size: Likewise.
        cache_size: Likewise.
        text: See `kerastricks.recipes.choose.text`; a file that has changed since is refused.
    """

    data: Any
    recipe: Recipe | tuple[str, tuple[str, ...], bool]
    model: str
    epochs: int
    batch_size: int
    seed: int
    images: int | None = None
    image_size: int | None = None
    cache_size: float = 10.0
    text: int | None = None


def load(job: Job) -> data_room.Data:
    """Returns the data of a job, read once where the seed does not matter."""
    if isinstance(job.data, data_room.Data):
        return job.data if job.images is None else job.data.part(job.images)
    settings = (job.data, job.image_size, job.cache_size, job.images)
    found = _load(*settings, seed=0)
    return found if found.own_split or not job.seed else _load(*settings, seed=job.seed)


@functools.lru_cache(maxsize=2)
def _load(data: str, image_size: int | None, cache_size: float, images: int | None, seed: int) -> data_room.Data:
    return data_room.load(data, image_size=image_size, seed=seed, cache_size=cache_size, images=images)


def chosen(job: Job) -> Recipe:
    """Returns the recipe of a job.

    Raises:
        OSError: If its file is gone.
        ValueError: If it has changed.
    """
    if isinstance(job.recipe, Recipe):
        return job.recipe
    if recipes.text(job.recipe[0]) != job.text:
        raise ValueError(f"{job.recipe[0]} has changed since the ablation began: put it back, or pass another --out")
    return recipes.choose(*job.recipe)


def run(job: Job, *callbacks: Any) -> dict[str, Any]:
    """Trains, and returns the figures of the run: JSON's types alone.

    Accuracy and loss are those of the validation images at the end; of the averaged weights, where a trick keeps some.

    Raises:
        ArithmeticError: If the loss is not finite.
        ValueError: See `kerastricks.Recipe.fit`.
    """
    source, recipe = load(job), chosen(job)
    keras.backend.clear_session()
    keras.utils.set_random_seed(job.seed)
    held = memory.reset_peak()
    shape = recipe.image_shape(source.image_shape)
    network = models.build(job.model, classes=len(source.classes), input_shape=shape)
    clock = Clock()
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):  # what `Efficient` says, once a run
        history = recipe.fit(
            network,
            source.train,
            validation_data=source.validation,
            epochs=job.epochs,
            batch_size=job.batch_size,
            seed=job.seed,
            callbacks=[clock, keras.callbacks.TerminateOnNaN(), *callbacks],
            verbose=0,
        )
    seconds = time.perf_counter() - start
    kept = {name: list(map(float, values)) for name, values in history.history.items()}
    broken = next((epoch for epoch, loss in enumerate(kept["loss"], 1) if not math.isfinite(loss)), None)
    if broken:
        raise ArithmeticError(f"diverged: the loss was {kept['loss'][broken - 1]} in epoch {broken} of {job.epochs}")
    side = "val_averaged_" if "val_averaged_loss" in kept else "val_"
    curves = {f"val_{name}": kept[side + name] for name in ("accuracy", "loss")}
    scores = {name: curves[f"val_{name}"][-1] for name in ("accuracy", "loss")}
    if any(overrides(trick, "callbacks") for trick in recipe.tricks):  # which may have put other weights back
        last = history.model.evaluate(
            EvaluationBatches(*source.validation, job.batch_size), verbose=0, return_dict=True
        )
        scores = {name: last[side.removeprefix("val_") + name] for name in scores}
    if not all(map(math.isfinite, scores.values())):
        raise ArithmeticError(f"diverged: the validation loss was {scores['loss']} at the end")
    steps = math.ceil(len(source.train[1]) / job.batch_size)
    return {
        "seed": job.seed,
        "accuracy": scores["accuracy"],
        "loss": scores["loss"],
        "ms_per_step": 1e3 * statistics.median(clock.epoch_seconds[1:] or clock.epoch_seconds) / steps,
        "peak_memory": max(0, memory.peak() - held),
        "seconds": seconds,
        "history": {"loss": kept["loss"], "accuracy": kept["accuracy"], **curves},
    }


def attempt(job: Job) -> dict[str, Any]:
    """Returns the figures of a run, or the reason why there are none.

    Raises:
        ValueError: If the machine failed, not the arm: out of memory, a disk that is full, a file that is gone.
    """
    try:
        load(job), chosen(job)
    except Exception as error:
        raise _failure(job, error) from error
    try:
        return run(job)
    except Exception as error:
        if any(map(_is_the_machines, (error, error.__cause__, error.__context__))):
            raise _failure(job, error) from error
        reason = str(error).strip().partition("\n")[0]
        known = isinstance(error, ArithmeticError)
        return {"seed": job.seed, "error": reason if known else f"{type(error).__name__}: {reason}"}


def _is_the_machines(error: BaseException | None) -> bool:
    words = ("OutOfMemoryError", "ResourceExhaustedError", "RESOURCE_EXHAUSTED", "can't allocate memory")
    return isinstance(error, OSError | MemoryError) or any(word in repr(error) for word in words)


def _failure(job: Job, error: Exception) -> ValueError:
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    return ValueError(
        f"The machine failed in a run with seed {job.seed}: {type(error).__name__}: {reason}. Finished runs are kept; "
        "mend it, and the same command goes on."
    )
