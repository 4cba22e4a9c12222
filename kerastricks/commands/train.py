"""Trains a classifier on images and leaves a run directory behind."""

import dataclasses
import itertools
import json
import math
import os
import platform
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerastricks import data as data_room
from kerastricks import models
from kerastricks.models.heads import probabilities
from kerastricks.models.precision import accelerator_name, computes_bfloat16_fast
from kerastricks.recipes import choose as recipes
from kerastricks.report.confusion import judge
from kerastricks.report.page import training_page
from kerastricks.report.progress import Progress, decoding
from kerastricks.training.batches import EvaluationBatches, TrainingBatches
from kerastricks.training.trick import Plan


def train(
    data: str,
    *,
    model: str = "resnet20",
    recipe: str = "tutorial",
    without: Sequence[str] = (),
    epochs: int | None = None,
    batch_size: int | None = None,
    image_size: int | None = None,
    images: int | None = None,
    cache_size: float = 10.0,
    efficient: bool = False,
    learning_rate: float | None = None,
    seed: int = 0,
    out: str | None = None,
) -> dict[str, Any]:
    """Trains `model` on `data` with `recipe`, and writes `model.keras`, its history and a report to `out`.

    Args:
        data: `digits`, or a folder of images; see `kerastricks.data.load`.
        model: See `kerastricks.models.build`.
        recipe: Name of a shipped recipe, or path of a Python file that holds `recipe`.
        without: Names of tricks to leave out of the recipe.
        epochs: Passes over the training images; the recipe's by default.
        batch_size: Images in a batch; the recipe's by default.
        image_size: Side in pixels of the images of a folder.
        images: Largest number of training images, and of validation images.
        cache_size: Largest cache of decoded images, in GB.
        efficient: Whether `Efficient` comes before the tricks of the recipe.
        learning_rate: Rate that the recipe starts from, in place of its own.
        seed: Seed of initialization, split, order and draws.
        out: Directory to write, new or empty; by default the next free `runs/<data>-<n>`.

    Returns:
        What `result.json` holds.

    Raises:
        ValueError: If an argument does not fit; nothing has been written then.
    """
    directory = _check_free(Path(out)) if out is not None else None
    chosen = recipes.choose(recipe, without, efficient)
    if learning_rate is not None:
        chosen = dataclasses.replace(chosen, learning_rate=learning_rate)
    epochs = chosen.epochs if epochs is None else epochs
    batch_size = chosen.batch_size if batch_size is None else batch_size
    Plan(epochs, 1, batch_size, seed)  # raises before images are read
    models.find(model)
    with decoding() as report:
        source = data_room.load(
            data, image_size=image_size, seed=seed, cache_size=cache_size, images=images, report=report
        )
    pixels, labels = source.train
    plan = Plan(epochs, math.ceil(len(labels) / batch_size), batch_size, seed)
    keras.utils.set_random_seed(seed)
    shape = chosen.image_shape(source.image_shape)
    network = models.build(model, classes=len(source.classes), input_shape=shape)
    if directory is None:
        directory = _next_free(source.name)
    settings = {
        "data": data,
        "classes": list(source.classes),
        "train_images": len(labels),
        "validation_images": len(source.validation[1]),
        "image_shape": list(source.image_shape),
        "model": model,
        "parameters": network.count_params(),
        "recipe": recipe,
        "tricks": repr(chosen),
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        **environment(),
    }
    progress = Progress(plan, len(labels))
    start = time.perf_counter()
    try:
        history = chosen.fit(
            network,
            source.train,
            validation_data=source.validation,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            callbacks=[
                _RunDirectory(directory, settings),
                keras.callbacks.CSVLogger(str(directory / "history.csv")),
                progress,
            ],
            verbose=0,
        )
    finally:
        progress.stop()
    seconds = time.perf_counter() - start
    engine = history.model
    batches = TrainingBatches(pixels, labels, plan, chosen.tricks)
    sheet = _contact_sheet(engine, [batches[step] for step in range(min(4, plan.batches))])
    validation = EvaluationBatches(*source.validation, batch_size)
    scores = engine.evaluate(validation, verbose=0, return_dict=True)
    judgement = judge(*source.validation, probabilities(engine.predict(validation, verbose=0), engine.loss))
    result = {
        "accuracy": scores["accuracy"],
        "loss": scores["loss"],
        "epochs": len(history.epoch),
        "seconds": seconds,
        "images_per_second": progress.images_per_second,
        "backend": keras.backend.backend(),
        "model": model,
        "recipe": recipe,
        "seed": seed,
        "parameters": network.count_params(),
        **{name: value for name, value in scores.items() if name.startswith("averaged_")},
    }
    engine.network.save(directory / "model.keras")
    if engine.averages is not None:
        with engine.averaged():
            engine.network.save(directory / "model_averaged.keras")
    _write_json(directory / "result.json", result)
    shown = {**settings, "classes": ", ".join(source.classes), "versions": _words(settings["versions"])}
    steps = len(history.epoch) * plan.steps_per_epoch
    rates = [engine.rate_at(step) for step in range(0, steps, max(1, steps // 500))]
    page = training_page(shown, result, history.history, rates, sheet, judgement, source.classes)
    (directory / "report.html").write_text(page, encoding="utf-8")
    return {**result, "directory": str(directory)}


def environment() -> dict[str, Any]:
    """Returns the backend, versions and hardware that figures of this process belong to."""
    names = ("kerastricks", "keras", "numpy", "tensorflow", "tensorflow-cpu", "jax", "torch")
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    low = "bfloat16 in hardware" if computes_bfloat16_fast() else "no bfloat16 in hardware"
    return {
        "backend": keras.backend.backend(),
        "versions": versions,
        "hardware": ", ".join(filter(None, (_processor(), f"{os.cpu_count()} cores", accelerator_name(), low))),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


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
