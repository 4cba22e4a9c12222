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
from kerastricks import memory, models
from kerastricks.batches import EvaluationBatches
from kerastricks.callbacks import Clock
from kerastricks.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Job:
    """What a run needs; it can be sent to another process.

    Args:
        data: See `kerastricks.data.load`, or a `Data` object.
        recipe: The recipe of the arm.
        model: See `kerastricks.models.build`.
        epochs: Passes over the training images.
        batch_size: Images in a batch.
        seed: Seed of the weights, the order, every draw and, where the data brings none, the split.
        images: See `kerastricks.data.load`.
        image_size: Likewise.
        cache_size: Likewise.
    """

    data: Any
    recipe: Recipe
    model: str
    epochs: int
    batch_size: int
    seed: int
    images: int | None = None
    image_size: int | None = None
    cache_size: float = 10.0


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


def run(job: Job) -> dict[str, Any]:
    """Trains, and returns the figures of the run: JSON's types alone.

    Accuracy and loss are those of the validation images at the end; of the averaged weights, where a trick keeps some.

    Raises:
        ArithmeticError: If the loss is not finite.
        ValueError: See `kerastricks.Recipe.fit`.
    """
    source = load(job)
    keras.backend.clear_session()
    keras.utils.set_random_seed(job.seed)
    memory.reset_peak()
    shape = job.recipe.image_shape(source.image_shape)
    network = models.build(job.model, classes=len(source.classes), input_shape=shape)
    clock = Clock()
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):  # what `Efficient` says, once a run
        history = job.recipe.fit(
            network,
            source.train,
            validation_data=source.validation,
            epochs=job.epochs,
            batch_size=job.batch_size,
            seed=job.seed,
            callbacks=[clock, keras.callbacks.TerminateOnNaN()],
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
    if len(kept["loss"]) < job.epochs:  # stopped early, perhaps on weights of an earlier epoch
        last = history.model.evaluate(
            EvaluationBatches(*source.validation, job.batch_size), verbose=0, return_dict=True
        )
        scores = {name: last[side.removeprefix("val_") + name] for name in scores}
    steps = math.ceil(len(source.train[1]) / job.batch_size)
    return {
        "seed": job.seed,
        "accuracy": scores["accuracy"],
        "loss": scores["loss"],
        "ms_per_step": 1e3 * statistics.median(clock.epoch_seconds[1:] or clock.epoch_seconds) / steps,
        "peak_memory": memory.peak(),
        "seconds": seconds,
        "history": {"loss": kept["loss"], "accuracy": kept["accuracy"], **curves},
    }


def attempt(job: Job) -> dict[str, Any]:
    """Returns the figures of a run, or the reason why there are none."""
    try:
        return run(job)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        return {"seed": job.seed, "error": reason if isinstance(error, ArithmeticError) else _named(error, reason)}


def _named(error: Exception, reason: str) -> str:
    return f"{type(error).__name__}: {reason}"
