"""Trains a classifier on images and leaves a run directory behind."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

from kerastricks import data as data_room
from kerastricks.commands import resume
from kerastricks.commands.defaults import smaller_batch
from kerastricks.commands.environment import environment
from kerastricks.commands.faults import MachineError, check_memory, within_memory
from kerastricks.commands.output import write_json
from kerastricks.commands.prepare import Prepared, announcement, fit, prepare
from kerastricks.commands.run_files import finish, left, save_models
from kerastricks.commands.run_lock import claiming, held
from kerastricks.commands.task import TrainTask
from kerastricks.data import atomic
from kerastricks.data.names import shown
from kerastricks.report.progress import Progress, decoding
from kerastricks.training.callbacks.history_file import HistoryFile
from kerastricks.training.callbacks.tensorboard import TensorBoard, check_tensorboard
from kerastricks.training.checkpoints import Checkpoint
from kerastricks.training.devices import hosts
from kerastricks.training.divergence import Diverged
from kerastricks.training.signals import Terminated


def train(task: TrainTask) -> dict[str, Any]:
    """Trains a network on data with a recipe, and writes `model.keras`, its history and a report to `task.out`.

    Returns:
        What `result.json` holds; nothing where another process writes it.

    Raises:
        ValueError: If a setting does not fit; nothing has been written then.
        Diverged: If the loss is no number; the last good state is kept.
    """
    process = hosts.join(task.coordinator, task.processes, task.process)
    task = resume.settled(task)
    if (result := resume.finished(task)) is not None:
        hosts.leave()
        return {} if process else result
    if process:
        with _with_others():
            fit(prepare(task), [])
        hosts.leave()
        return {}
    if task.tensorboard:
        check_tensorboard()
    if task.image_size is not None:
        check_memory(1, (task.image_size, task.image_size, 3))
    with _directory(task) as claim:
        with decoding() as report:
            prepared = prepare(task, report)
        shape, images = prepared.data.image_shape, len(prepared.data.train[1])
        batch = min(prepared.plan.batch_size, images)
        directory = claim(prepared.data.name)
        with within_memory(batch, shape, lambda: smaller_batch(prepared.network, batch)):
            try:
                with _with_others(directory):
                    return _run(prepared, directory, resume.begun_with(task))
            except (KeyboardInterrupt, Terminated) as error:
                raise _stopped(error, directory) from None
            except Diverged as error:
                raise _diverged(error, prepared, directory) from error


def summary(result: dict[str, Any]) -> str:
    """Returns what `train` found, in words."""
    if not result:
        return "trained; process 0 writes the run"
    said = [f"accuracy {result['accuracy']:.4f}"]
    said += [f"averaged {result['averaged_accuracy']:.4f}"] if "averaged_accuracy" in result else []
    said += [f"loss {result['loss']:.4f}"]
    if "test_accuracy" in result:
        test_averaged = result.get("test_averaged_accuracy")
        averaged = "" if test_averaged is None else f", averaged {test_averaged:.4f}"
        said = [f"test accuracy {result['test_accuracy']:.4f}{averaged}", f"validation {', '.join(said)}"]
    return (
        f"\n{'  '.join(said)}  "
        f"{result['seconds']:.0f} s at {result['images_per_second']:,.0f} images/s\n"
        f"{result['directory']}/report.html shows the run, {result['directory']}/model.keras is the model"
    )


@contextlib.contextmanager
def _directory(task: TrainTask) -> Iterator[Callable[[str], Path]]:
    """Yields a function from the name of the data to the directory of the run, which no other process uses."""
    if task.resume is not None:
        with held(Path(task.resume)):
            atomic.sweep(Path(task.resume))
            yield lambda name: Path(str(task.resume))
        return
    with claiming(task.out) as claim:
        yield claim


def _run(prepared: Prepared, directory: Path, asked: dict[str, Any] | None) -> dict[str, Any]:
    """Trains, and writes what the run leaves behind; returns what `train` does."""
    task, source, chosen, network, plan, notes = prepared
    labels = source.train[1]
    backend = keras.backend.backend()
    settings = {
        **task.settings(),
        "asked": asked,
        "command": task.command("train", backend),
        "data_path": os.path.abspath(task.data) if isinstance(task.data, str) and task.data != "digits" else None,
        "classes": list(source.classes),
        "train_images": len(labels),
        "validation_images": len(source.validation[1]),
        "image_shape": list(source.image_shape),
        "parameters": network.count_params(),
        "tricks": [repr(trick) for trick in chosen.tricks],
        "optimizer": getattr(chosen.optimizer, "__name__", repr(chosen.optimizer)),
        **{name: getattr(chosen, name) for name in ("learning_rate", "weight_decay")},
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "notes": list(notes),
        "set_aside": [[shown(path), reason] for path, reason in source.set_aside],
        "duplicates": source.duplicates,
        **environment(),
    }
    print("\n".join([*notes, *_other(task, directory), announcement(prepared)]), flush=True)
    progress = Progress(plan, len(labels))
    boards = [TensorBoard(directory / "tensorboard")] if task.tensorboard else []
    checkpoint = Checkpoint(
        directory / resume.CHECKPOINTS,
        minutes=task.checkpoint_minutes,
        keep_every=task.keep_every,
        on_best=lambda engine: save_models(engine, source, directory),
    )
    log = HistoryFile(directory / "history.csv")
    try:
        history = fit(prepared, [_RunDirectory(directory, settings), log, progress, *boards], checkpoint)
        hosts.leave()
    finally:
        progress.stop()
        for board in boards:
            board.on_train_end()
    engine = history.model
    settings["notes"] += engine.notes
    timing = {"seconds": progress.seconds, "images_per_second": progress.images_per_second}
    result = finish(engine, history, settings, timing, source, chosen.tricks, directory)
    return {**result, "directory": str(directory)}


@contextlib.contextmanager
def _with_others(directory: Path | None = None) -> Iterator[None]:
    """Says it in a line where another process has gone, which ends this one too."""
    try:
        yield
    except Exception as error:
        if not hosts.lost_another(error):
            raise
        said = [left(directory)] if directory else []
        said += [f"`{resume.words(directory)}` goes on"] if directory and resume.is_unfinished(directory) else []
        raise MachineError("; ".join(["Another of the processes has gone, which ends this one", *said])) from error


def _other(task: TrainTask, directory: Path) -> list[str]:
    """Returns a line if the same command has a run that it could go on with."""
    other = None if task.resume is not None else resume.unfinished_like(task)
    if other is None or other == directory:
        return []
    return [f"{other} is a run of this command that is not finished: `{resume.words(other)}` goes on with it"]


def _stopped(error: BaseException, directory: Path) -> BaseException:
    """Returns the same kind of exception, which says what the run left and how it goes on."""
    parts = [str(error), left(directory)]
    parts += [f"`{resume.words(directory)}` goes on"] if resume.is_unfinished(directory) else []
    return (Terminated if isinstance(error, Terminated) else KeyboardInterrupt)("; ".join(filter(None, parts)))


def _diverged(error: Diverged, prepared: Prepared, directory: Path) -> Diverged:
    """Returns the exception with the files of the batch in its words, and writes all of them down."""
    files = data_room.files_of(prepared.data.train[0], error.samples)
    error.said += [f"The batch is of {', '.join(files[:3])}{', …' if len(files) > 3 else ''}"] if files else []
    error.said += [f"{left(directory)}: the last good state is in {directory / resume.CHECKPOINTS}"]
    with contextlib.suppress(OSError):
        known = {"step": error.step, "epoch": error.epoch, "learning_rate": error.learning_rate}
        write_json(directory / "diverged.json", {**known, "samples": error.samples, "files": files})
    return error


class _RunDirectory(keras.callbacks.Callback):
    """Writes the settings when training begins: what fails before that leaves nothing behind."""

    def __init__(self, directory: Path, settings: dict[str, Any]):
        super().__init__()
        self._directory, self._settings = directory, settings

    def on_train_begin(self, logs=None):
        self._directory.mkdir(parents=True, exist_ok=True)
        for outdated in ("result.json", "diverged.json"):
            (self._directory / outdated).unlink(missing_ok=True)
        write_json(self._directory / "run.json", self._settings)
