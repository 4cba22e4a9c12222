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

from kerastricks.commands import memory, prepare
from kerastricks.commands.defaults import DoesNotFit, photograph_size
from kerastricks.commands.faults import MachineError, first_line, named, own_place, ran_out_of_memory, within_memory
from kerastricks.commands.task import TrainTask
from kerastricks.data import Data
from kerastricks.recipes.choose import checksum
from kerastricks.training.callbacks import Clock
from kerastricks.training.checkpoints import Checkpoint
from kerastricks.training.divergence import Diverged
from kerastricks.training.evaluation import EvaluationBatches
from kerastricks.training.trick import overrides


@dataclasses.dataclass(frozen=True)
class Job:
    """A run of an ablation; it can be sent to another process.

    Args:
        task: What to train: the recipe of the arm, with the seed of the run.
        checksum: See `kerastricks.recipes.choose.checksum`; a recipe file that has changed since is refused.
        checkpoints: Directory in which the run is saved while it is made, and from where it goes on, if any.
    """

    task: TrainTask
    checksum: int | None = None
    checkpoints: str | None = None


def load(task: TrainTask) -> Data:
    """Returns the data of a task, read once where the seed does not matter."""
    if not isinstance(task.data, str):
        return prepare.load(task)
    names = ("data", *TrainTask.LOADING)
    asked = tuple((name, getattr(task, name)) for name in names)
    size = photograph_size(task)
    found = _load(asked, size, seed=0)
    return found if found.own_split or not task.seed else _load(asked, size, seed=task.seed)


@functools.lru_cache(maxsize=2)
def _load(asked: tuple[tuple[str, Any], ...], default_size: int, seed: int) -> Data:
    return prepare.load(TrainTask(**dict(asked), seed=seed), default_size=default_size)


def check_unchanged(job: Job) -> None:
    """Raises an `OSError` if the recipe file of a job is gone, a `ValueError` if it has changed."""
    if checksum(job.task.recipe) != job.checksum:
        raise ValueError(f"{job.task.recipe} has changed since the ablation began: put it back, or pass another --out")


def run(job: Job, *callbacks: Any) -> dict[str, Any]:
    """Trains, and returns the figures of the run: JSON's types alone.

    Accuracy and loss are those of the validation images at the end; of the averaged weights, where a trick keeps some.

    Raises:
        ArithmeticError: If the loss is no number.
        ValueError: See `kerastricks.Recipe.fit`.
    """
    data = load(job.task)
    check_unchanged(job)
    keras.backend.clear_session()
    held = memory.reset_peak()
    prepared = prepare.prepare(job.task.with_data(data))
    source, recipe, plan = prepared.data, prepared.recipe, prepared.plan
    clock = Clock()
    start = time.perf_counter()
    quiet = contextlib.redirect_stdout(io.StringIO())  # what `Efficient` says, once a run
    with quiet, within_memory(min(plan.batch_size, len(source.train[1])), source.image_shape):
        checkpoint = None if job.checkpoints is None else _checkpoint(job, job.checkpoints)
        history = prepare.fit(prepared, [clock, *callbacks], checkpoint)
    seconds = time.perf_counter() - start
    kept = {name: list(map(float, values)) for name, values in history.history.items()}
    side = "val_averaged_" if "val_averaged_loss" in kept else "val_"
    curves = {f"val_{name}": kept[side + name] for name in ("accuracy", "loss")}
    scores = {name: curves[f"val_{name}"][-1] for name in ("accuracy", "loss")}
    if any(overrides(trick, "callbacks") for trick in recipe.tricks):  # which may have put other weights back
        last = history.model.evaluate(
            EvaluationBatches(*source.validation, plan.batch_size), verbose=0, return_dict=True
        )
        scores = {name: last[side.removeprefix("val_") + name] for name in scores}
    if not all(map(math.isfinite, scores.values())):
        raise ArithmeticError(f"diverged: the validation loss was {scores['loss']} at the end")
    return {
        "seed": job.task.seed,
        "accuracy": scores["accuracy"],
        "loss": scores["loss"],
        "ms_per_step": 1e3 * statistics.median(clock.step_seconds[1:] or clock.step_seconds),
        "peak_memory": max(0, memory.peak() - held),
        "seconds": seconds,
        "history": {"loss": kept["loss"], "accuracy": kept["accuracy"], **curves},
    }


def _checkpoint(job: Job, directory: str) -> Checkpoint:
    """Returns where a run is saved; one that was made by other versions begins anew."""
    return Checkpoint(directory, minutes=job.task.checkpoint_minutes, others="replace")


def attempt(job: Job) -> dict[str, Any]:
    """Returns the figures of a run, or the reason why there are none.

    Raises:
        MachineError: If the machine failed, not the arm: out of memory, a disk that is full, a file that is gone.
    """
    try:
        load(job.task)
        check_unchanged(job)
    except Exception as error:
        raise _failure(job, error) from error
    try:
        return run(job)
    except Exception as error:
        if any(map(_is_the_machines, (error, error.__cause__, error.__context__))):
            raise _failure(job, error) from error
        if isinstance(error, Diverged):
            return {"seed": job.task.seed, "error": f"diverged: {error.place()}"}
        known = isinstance(error, ArithmeticError) and str(error).startswith("diverged")
        return {"seed": job.task.seed, "error": first_line(error) if known else named(error) + own_place(error)}


def _is_the_machines(error: BaseException | None) -> bool:
    return isinstance(error, OSError | DoesNotFit) or ran_out_of_memory(error)


def _failure(job: Job, error: Exception) -> MachineError:
    return MachineError(
        f"The machine failed in a run with seed {job.task.seed}: {named(error)}. "
        "Finished runs are kept; mend it, and the same command goes on."
    )
