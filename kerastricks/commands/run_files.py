"""What a training run leaves in its directory beside its settings and history: models, figures and the report."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerastricks.commands import output, resume
from kerastricks.commands.faults import MachineError
from kerastricks.data import Data
from kerastricks.data.names import shown
from kerastricks.models import saved
from kerastricks.models.heads import output_of, probabilities
from kerastricks.models.saved import Description
from kerastricks.report.confusion import compare
from kerastricks.report.judgement import Judgement, judge
from kerastricks.report.page import training_page
from kerastricks.training.batches import TrainingBatches
from kerastricks.training.evaluation import EvaluationBatches
from kerastricks.training.trick import Trick

MODEL = "model.keras"


def finish(
    engine: Any,
    history: Any,
    settings: Mapping[str, Any],
    timing: Mapping[str, float],
    data: Data,
    tricks: Sequence[Trick],
    directory: Path,
) -> dict[str, Any]:
    """Saves the models of a run, then judges them and writes the report; no failure of the latter costs a model.

    Args:
        engine: The trained engine.
        history: Keras' `History`.
        settings: What `run.json` holds.
        timing: `seconds` and `images_per_second` of the run.
        data: The data of the run.
        tricks: Those of the recipe.
        directory: Where to write.

    Returns:
        What `result.json` holds.

    Raises:
        MachineError: If the models were saved and the rest failed; or if they cannot be written in `directory`, and are
            in a folder for temporary files instead. It names the place of the model and the reason.
    """
    try:
        save_models(engine, data, directory)
    except OSError as error:
        why = output.reason(error, directory)
        elsewhere = Path(tempfile.mkdtemp(prefix="kerastricks-"))
        try:
            save_models(engine, data, elsewhere)
        except OSError:
            shutil.rmtree(elsewhere, ignore_errors=True)
            raise MachineError(
                f"The model could not be written, neither in {shown(directory)} nor in {shown(elsewhere.parent)}: "
                f"{why}. Make room, and `{resume.words(directory)}` writes it."
            ) from error
        raise MachineError(
            f"The model is {elsewhere / MODEL}, for {shown(directory / MODEL)} could not be written: {why}. "
            "There is no report."
        ) from error
    try:
        return report(engine, history, settings, timing, data, tricks, directory)
    except Exception as error:
        model = shown(directory / MODEL)
        raise MachineError(
            f"The model is {model}, but its report could not be made: {output.reason(error, directory)}. "
            f"`{resume.words(directory)}` makes it again; `kerastricks evaluate {model} DATA` judges the model."
        ) from error


def save_models(engine: Any, data: Data, directory: Path) -> None:
    """Writes `model.keras`, and `model_averaged.keras` where the weights are averaged, with what they are for."""
    height, width, channels = data.image_shape
    known = height == width and channels in (1, 3)  # what a file can be decoded to
    told = Description(data.classes, height, channels, output_of(engine.loss)) if known else None
    saved.save(engine, directory / MODEL, told)
    if engine.averages is not None:
        with engine.averaged():
            saved.save(engine, directory / "model_averaged.keras", told)


def report(
    engine: Any,
    history: Any,
    settings: Mapping[str, Any],
    timing: Mapping[str, float],
    data: Data,
    tricks: Sequence[Trick],
    directory: Path,
) -> dict[str, Any]:
    """Judges the models of a run, and writes `result.json` and `report.html`; arguments and result as of `finish`."""
    plan = engine.plan
    batches = TrainingBatches(*data.train, plan, tricks)
    sheet = contact_sheet(engine, [batches[step] for step in range(min(4, plan.batches))])
    scores = engine.evaluate(EvaluationBatches(*data.validation, plan.batch_size), verbose=0, return_dict=True)
    judged = judgements(engine, data, plan.batch_size, plan.seed)
    result = {
        "accuracy": scores["accuracy"],
        "loss": scores["loss"],
        "epochs": len(history.epoch),
        **timing,
        "backend": keras.backend.backend(),
        **{name: settings[name] for name in ("model", "recipe", "seed", "parameters")},
        **{name: value for name, value in scores.items() if name.startswith("averaged_")},
        **figures(judged),
        **averaged_test(engine, data, plan.batch_size),
    }
    write_report(engine, history.history, settings, result, sheet, judged, data, directory)
    return result


def judgements(engine: Any, data: Data, batch_size: int, seed: int) -> dict[str, Judgement]:
    """Returns what the model says about the test images, where there are any, and about the validation images."""
    sides = {"validation": data.validation}
    if data.test is not None:
        sides = {"test": data.test, **sides}
    return {name: _judge(engine, name, *side, batch_size, seed) for name, side in sides.items()}


def _judge(engine: Any, name: str, images: Any, labels: np.ndarray, batch_size: int, seed: int) -> Judgement:
    answers = engine.predict(EvaluationBatches(images, labels, batch_size), verbose=0)
    answers = probabilities(answers, output_of(engine.loss))
    if np.isfinite(answers).all():
        return judge(f"{name} images", images, labels, answers, seed)
    return Judgement(f"{name} images", None, compare(images, labels, answers))


def averaged_test(engine: Any, data: Data, batch_size: int) -> dict[str, float]:
    """Returns the accuracy of the averaged weights on the test images, where there are both."""
    if engine.averages is None or data.test is None:
        return {}
    images, labels = data.test
    with engine.averaged():
        answers = engine.predict(EvaluationBatches(images, labels, batch_size), verbose=0)
    return {"test_averaged_accuracy": float(np.mean(answers.argmax(1) == labels))}


def figures(judged: Mapping[str, Judgement]) -> dict[str, Any]:
    """Returns what `result.json` holds of judgements beside the validation's accuracy and loss: with intervals.

    The names of the test images' figures begin with `test_`; none are there where the answers are not numbers.
    """
    found: dict[str, Any] = {}
    for name, judgement in judged.items():
        if judgement.scores is None:
            continue
        start = "test_" if name == "test" else ""
        own = ("accuracy", "loss", "loss_interval") if name == "validation" else ()  # the loss is the run's own
        found |= {f"{start}{key}": value for key, value in judgement.scores.figures().items() if key not in own}
    return found


def write_report(
    engine: Any,
    history: Mapping[str, Sequence[float]],
    settings: Mapping[str, Any],
    result: Mapping[str, Any],
    samples: tuple[np.ndarray, np.ndarray],
    judged: Mapping[str, Judgement],
    data: Data,
    directory: Path,
) -> None:
    """Writes `result.json` and `report.html`.

    Args:
        engine: The trained engine.
        history: Keras' history.
        settings: What `run.json` holds.
        result: What `result.json` is to hold.
        samples: Images and targets as the network saw them in training.
        judged: See `judgements`.
        data: The data of the run.
        directory: Where to write.
    """
    shown = {
        name: value
        for name, value in settings.items()
        if value is not None and value is not False and value != [] and name not in ("notes", "asked", "set_aside")
    }
    shown |= {"classes": ", ".join(data.classes), "versions": _words(settings["versions"])}
    shown |= {"tricks": "\n".join(settings["tricks"]) or "none"}
    steps = result["epochs"] * engine.plan.steps_per_epoch
    rates = [engine.rate_at(step) for step in range(0, steps, max(1, steps // 500))]
    counts = np.bincount(data.train[1], minlength=len(data.classes)).tolist()
    page = training_page(
        shown,
        result,
        history,
        rates,
        samples,
        [*judged.values()],
        data.classes,
        counts,
        settings["notes"],
        data.set_aside,
    )
    output.write_text(directory / "report.html", page)
    output.write_json(directory / "result.json", result)  # last: a run that has one is over


def contact_sheet(engine: Any, batches: Sequence[tuple]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first four images of each batch, and their targets, as the network sees them in training."""
    images: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    for batch in batches:
        for side, part in zip((images, targets), engine.transform(*batch), strict=True):
            side.append(keras.ops.convert_to_numpy(part)[:4])
    return np.concatenate(images), np.concatenate(targets)


def left(directory: Path) -> str:
    """Returns what a run that was stopped leaves behind, in words."""
    files = sorted(path.name for path in directory.glob("[!.]*")) if directory.is_dir() else []
    if not files:
        return "nothing was written"
    model = f"{MODEL} is whole" if MODEL in files else "no model was written"
    return f"{model}; {shown(directory)} holds {', '.join(files)}"


def _words(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
