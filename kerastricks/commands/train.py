"""Trains a classifier on images and leaves a run directory behind."""

import os
import time
from pathlib import Path
from typing import Any

import keras

from kerastricks.commands.environment import environment
from kerastricks.commands.faults import check_memory, within_memory
from kerastricks.commands.output import free_directory, next_free, write_json
from kerastricks.commands.prepare import Prepared, fit, prepare, summary
from kerastricks.commands.run_files import (
    averaged_test,
    contact_sheet,
    figures,
    judgements,
    left,
    save_models,
    write_report,
)
from kerastricks.commands.task import TrainTask
from kerastricks.report.progress import Progress, decoding
from kerastricks.training.batches import EvaluationBatches, TrainingBatches
from kerastricks.training.callbacks.tensorboard import TensorBoard, check_tensorboard


def train(task: TrainTask) -> dict[str, Any]:
    """Trains a network on data with a recipe, and writes `model.keras`, its history and a report to `task.out`.

    Returns:
        What `result.json` holds.

    Raises:
        ValueError: If a setting does not fit; nothing has been written then.
    """
    directory = free_directory(task.out)
    if task.tensorboard:
        check_tensorboard()
    if task.image_size is not None:
        check_memory(1, (task.image_size, task.image_size, 3))
    with decoding() as report:
        prepared = prepare(task, report)
    directory = directory or next_free(prepared.data.name)
    with within_memory(min(prepared.plan.batch_size, len(prepared.data.train[1])), prepared.data.image_shape):
        try:
            return _run(prepared, directory)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(left(directory)) from None


def _run(prepared: Prepared, directory: Path) -> dict[str, Any]:
    """Trains, and writes what the run leaves behind; returns what `train` does."""
    task, source, chosen, network, plan, notes = prepared
    pixels, labels = source.train
    backend = keras.backend.backend()
    settings = {
        **task.settings(),
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
        **environment(),
    }
    print("\n".join([*notes, summary(prepared)]), flush=True)
    progress = Progress(plan, len(labels))
    log = keras.callbacks.CSVLogger(str(directory / "history.csv"))
    boards = [TensorBoard(directory / "tensorboard")] if task.tensorboard else []
    start = time.perf_counter()
    try:
        history = fit(prepared, [_RunDirectory(directory, settings), log, progress, *boards])
    finally:
        progress.stop()
        if getattr(log, "csv_file", None):
            log.on_train_end()  # closes the file, where training was interrupted too
        for board in boards:
            board.on_train_end()
    seconds = time.perf_counter() - start
    engine = history.model
    batches = TrainingBatches(pixels, labels, plan, chosen.tricks)
    sheet = contact_sheet(engine, [batches[step] for step in range(min(4, plan.batches))])
    scores = engine.evaluate(EvaluationBatches(*source.validation, plan.batch_size), verbose=0, return_dict=True)
    save_models(engine, source, directory)
    judged = judgements(engine, source, plan.batch_size, plan.seed)
    result = {
        "accuracy": scores["accuracy"],
        "loss": scores["loss"],
        "epochs": len(history.epoch),
        "seconds": seconds,
        "images_per_second": progress.images_per_second,
        "backend": backend,
        **{name: settings[name] for name in ("model", "recipe", "seed")},
        "parameters": network.count_params(),
        **{name: value for name, value in scores.items() if name.startswith("averaged_")},
        **figures(judged),
        **averaged_test(engine, source, plan.batch_size),
    }
    write_report(engine, history.history, settings, result, sheet, judged, source, directory)
    return {**result, "directory": str(directory)}


class _RunDirectory(keras.callbacks.Callback):
    """Makes the directory when training begins: what fails before that leaves nothing behind."""

    def __init__(self, directory: Path, settings: dict[str, Any]):
        super().__init__()
        self.directory, self.settings = directory, settings

    def on_train_begin(self, logs=None):
        self.directory.mkdir(parents=True, exist_ok=True)
        write_json(self.directory / "run.json", self.settings)
