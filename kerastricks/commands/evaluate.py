"""Judges a finished model on images with known labels."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerastricks import data as data_room
from kerastricks.commands import faults, json_file, model_file
from kerastricks.commands.environment import environment
from kerastricks.commands.model_images import Fitted, input_shape
from kerastricks.commands.model_task import EvaluateTask
from kerastricks.commands.output import write_json, write_text
from kerastricks.commands.prepare import check_backend
from kerastricks.commands.run_lock import claiming
from kerastricks.data.names import shown
from kerastricks.data.split_folders import split_folders
from kerastricks.models import archive
from kerastricks.models.flip_averaged import flip_averaged
from kerastricks.models.heads import probabilities
from kerastricks.report.confusion import Comparison, compare
from kerastricks.report.evaluation import evaluation_page
from kerastricks.report.judgement import Judgement
from kerastricks.report.progress import decoding
from kerastricks.report.scores import Scores, score
from kerastricks.training.compilation import jit_compile
from kerastricks.training.evaluation import EvaluationBatches


def evaluate(task: EvaluateTask) -> dict[str, Any]:
    """Judges a model on data, and writes `evaluation.json` and `evaluation.html` to `task.out`.

    The averaged weights that a run leaves beside its `model.keras` are judged too.

    Returns:
        What `evaluation.json` holds, and the directory.

    Raises:
        ValueError: If a setting does not fit, the classes are not those of the data, or the model's answers are not
            numbers; nothing has been written then.
    """
    check_backend(task)
    with claiming(task.out) as claim:
        return _evaluate(task, claim)


def _evaluate(task: EvaluateTask, claim: Callable[[str], Path]) -> dict[str, Any]:
    """Returns what `evaluate` does; `claim` gives the directory by a name for it."""
    file, found = model_file.find(task.model)
    averaged = file.with_name("model_averaged.keras")
    files = [file, averaged] if file.name == "model.keras" and averaged.is_file() else [file]
    model = archive.load(file)
    found = model_file.filled(found, model)
    shape = input_shape(model, found)
    faults.check_memory(task.batch_size, shape, faults.MODEL_FLAGS)
    with decoding() as report:
        size = None if task.data == "digits" else found.image_size
        loaded = data_room.load_for(
            found.classes,
            task.data,
            split=task.split,
            image_size=size,
            cache_size=task.cache_size,
            report=report,
            allow_bad=task.allow_bad,
        )
    notes = [*loaded.notes, *_seen_in_training(file, task.data, loaded.split)]
    images = Fitted(loaded.images, shape)
    figures, judgements = {}, {}
    for place, path in enumerate(files):
        model = archive.load(path) if place else model
        output = model_file.filled(found, model).output
        answers = answer(flip_averaged(model) if task.flips else model, output, images, task.batch_size)
        scores, compared = score(loaded.labels, answers, task.seed), compare(images, loaded.labels, answers)
        judgements[path.name] = Judgement(f"{loaded.split} images", scores, compared)
        figures[path.name] = _figures(scores, compared, found.classes, loaded.paths)
    directory = claim(f"evaluate-{shown(Path(task.data).resolve().stem)}")
    result = {
        "command": task.command("evaluate", keras.backend.backend()),
        "model": task.model,
        "data": task.data,
        "split": loaded.split,
        "images": len(loaded.labels),
        "class_count": len(found.classes),
        "image_size": found.image_size,
        "flips": task.flips,
        "seed": task.seed,
        "notes": notes,
        **environment(),
        "models": figures,
    }
    page = evaluation_page(result, judgements, found.classes)
    write_json(directory / "evaluation.json", result)
    write_text(directory / "evaluation.html", page)
    return {**result, "directory": str(directory)}


def _seen_in_training(file: Path, data: str, split: str) -> list[str]:
    """Returns a line if the run that a model is from was trained on some of the images."""
    try:
        run = json_file.known(file.with_name("run.json"))
        if data == "digits":  # `load_for` splits them by seed 0
            seen = run["data"] == data and (split != "validation" or run["seed"] != 0)
        else:
            here, trained = Path(data).resolve(), Path(run["data_path"]).resolve()
            trained /= split_folders(str(trained)).get("train", "") if trained.is_dir() else ""
            seen = split in ("training", "all") and (here.is_relative_to(trained) or trained.is_relative_to(here))
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return ["The model was trained on some of these images: it is worse on others."] if seen else []


def answer(model: Any, output: str, images: Fitted, batch_size: int) -> np.ndarray:
    """Returns the probabilities of a model for images, (N, K).

    Args:
        model: The model.
        output: What its outputs are, as in `kerastricks.models.saved.Description`.
        images: The images.
        batch_size: Images in a batch.
    """
    model.compile(jit_compile=jit_compile())
    batches = EvaluationBatches(images, np.zeros(images.shape[0], "int32"), batch_size)
    return probabilities(model.predict(batches, verbose=0), output)


def _figures(scores: Scores, compared: Comparison, classes: Sequence[str], paths: Sequence[str]) -> dict[str, Any]:
    """Returns what `evaluation.json` holds for one model file."""
    return {
        **scores.figures(),
        "calibration": [dataclasses.asdict(each) for each in scores.calibration],
        "classes": scores.of_classes(classes),
        "confusion": compared.counts(classes),
        "mistakes": [
            {
                "path": shown(paths[mistake.index]),
                "class": classes[mistake.label],
                "said": classes[mistake.said],
                "probability": mistake.confidence,
            }
            for mistake in compared.mistakes
        ],
    }
