"""Trains a classifier on images and leaves a run directory behind."""

import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerastricks.commands.environment import environment
from kerastricks.commands.faults import check_memory, within_memory
from kerastricks.commands.output import check_writable
from kerastricks.commands.prepare import Prepared, prepare, summary
from kerastricks.commands.task import TrainTask
from kerastricks.models.heads import probabilities
from kerastricks.report.confusion import compare
from kerastricks.report.page import training_page
from kerastricks.report.progress import Progress, decoding
from kerastricks.training.batches import EvaluationBatches, TrainingBatches


def train(task: TrainTask) -> dict[str, Any]:
    """Trains a network on data with a recipe, and writes `model.keras`, its history and a report to `task.out`.

    Returns:
        What `result.json` holds.

    Raises:
        ValueError: If a setting does not fit; nothing has been written then.
    """
    directory = _check_free(Path(task.out)) if task.out is not None else None
    check_writable(directory or Path("runs"))
    if task.image_size is not None:
        check_memory(1, (task.image_size, task.image_size, 3))
    with decoding() as report:
        prepared = prepare(task, report)
    directory = directory or _next_free(prepared.data.name)
    with within_memory(min(prepared.plan.batch_size, len(prepared.data.train[1])), prepared.data.image_shape):
        try:
            return _run(task, prepared, directory)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_left(directory)) from None


def _run(task: TrainTask, prepared: Prepared, directory: Path) -> dict[str, Any]:
    """Trains, and writes what the run leaves behind; returns what `train` does."""
    source, chosen, network, plan, notes = prepared
    pixels, labels = source.train
    backend = keras.backend.backend()
    settings = {
        **task.settings(),
        "command": task.command("train", backend),
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
    print("\n".join([*notes, summary(prepared, task)]), flush=True)
    progress = Progress(plan, len(labels))
    log = keras.callbacks.CSVLogger(str(directory / "history.csv"))
    start = time.perf_counter()
    try:
        history = chosen.fit(
            network,
            source.train,
            validation_data=source.validation,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            seed=plan.seed,
            callbacks=[
                _RunDirectory(directory, settings),
                log,
                progress,
            ],
            verbose=0,
        )
    finally:
        progress.stop()
        if getattr(log, "csv_file", None):
            log.on_train_end()  # closes the file, where training was interrupted too
    seconds = time.perf_counter() - start
    engine = history.model
    batches = TrainingBatches(pixels, labels, plan, chosen.tricks)
    sheet = _contact_sheet(engine, [batches[step] for step in range(min(4, plan.batches))])
    validation = EvaluationBatches(*source.validation, plan.batch_size)
    scores = engine.evaluate(validation, verbose=0, return_dict=True)
    compared = compare(*source.validation, probabilities(engine.predict(validation, verbose=0), engine.loss))
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
    }
    engine.save(directory / "model.keras")
    if engine.averages is not None:
        with engine.averaged():
            engine.save(directory / "model_averaged.keras")
    _write_json(directory / "result.json", result)
    shown = {name: value for name, value in settings.items() if value not in (None, [], False)}
    shown |= {"classes": ", ".join(source.classes), "versions": _words(settings["versions"])}
    shown |= {"tricks": "\n".join(settings["tricks"]) or "none"}
    steps = len(history.epoch) * plan.steps_per_epoch
    rates = [engine.rate_at(step) for step in range(0, steps, max(1, steps // 500))]
    page = training_page(shown, result, history.history, rates, sheet, compared, source.classes)
    (directory / "report.html").write_text(page, encoding="utf-8")
    return {**result, "directory": str(directory)}


class _RunDirectory(keras.callbacks.Callback):
    """Makes the directory when training begins: what fails before that leaves nothing behind."""

    def __init__(self, directory: Path, settings: dict[str, Any]):
        super().__init__()
        self.directory, self.settings = directory, settings

    def on_train_begin(self, logs=None):
        self.directory.mkdir(parents=True, exist_ok=True)
        _write_json(self.directory / "run.json", self.settings)


def _contact_sheet(engine: Any, batches: Sequence[tuple]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first four images of each batch, and their targets, as the network sees them in training."""
    images: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    for batch in batches:
        for side, part in zip((images, targets), engine.transform(*batch), strict=True):
            side.append(keras.ops.convert_to_numpy(part)[:4])
    return np.concatenate(images), np.concatenate(targets)


def _left(directory: Path) -> str:
    """Returns what a run that was stopped leaves behind, in words."""
    files = sorted(path.name for path in directory.glob("*")) if directory.is_dir() else []
    if not files:
        return "nothing was written"
    model = "the model may not be whole" if "model.keras" in files else "no model was written"
    return f"{model}; {directory} holds {', '.join(files)}"


def _check_free(directory: Path) -> Path:
    if directory.is_dir() and any(directory.iterdir()):
        held = "holds a run" if (directory / "run.json").exists() else "is not empty"
        raise ValueError(f"{directory} {held}. Pass another directory with --out, or remove it.")
    if directory.exists() and not directory.is_dir():
        raise ValueError(f"{directory} is a file. Pass a directory with --out.")
    return directory


def _next_free(name: str) -> Path:
    return next(path for n in itertools.count(1) if not (path := Path("runs", f"{name}-{n}")).exists())


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _words(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
