"""The doctor: looks for faults that raise no error, in a model, its data, a history or the files of a run."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from kerastricks import data as data_room
from kerastricks.commands import run_record
from kerastricks.commands.doctor_task import DoctorTask
from kerastricks.commands.lr_find import lr_find
from kerastricks.commands.model_images import Fitted
from kerastricks.commands.prepare import check_backend, load
from kerastricks.commands.task import Task
from kerastricks.data.names import shown
from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.examine import examine
from kerastricks.diagnosis.finding import Finding, Findings
from kerastricks.diagnosis.inside import untouched
from kerastricks.diagnosis.split import among_files
from kerastricks.models import archive
from kerastricks.models.graph import all_layers, has_graph
from kerastricks.models.saved import Description, description
from kerastricks.report.progress import decoding
from kerastricks.training.engine import Engine
from kerastricks.training.recipe import Recipe


def doctor(
    model: Any = None,
    data: Any = None,
    *,
    validation_data: Any = None,
    history: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    callbacks: Sequence[Any] = (),
    sweep: bool = False,
) -> Findings:
    """Returns the faults that raise no error, each with a reason, a number as evidence, and what to do.

    The model, its optimizer and the generators of random numbers stay as they are. It looks at what it can, and never
    raises for a model or data that it cannot look into: `unseen` of the findings tells what was left out. What depends
    on the length of a run is looked at where `epochs` and `batch_size`, or a `History`, tell it.

    Args:
        model: A built Keras model, compiled or not; or what `Recipe.compile` returns.
        data: Training data: what `Recipe.fit` takes as `train`, or a `kerastricks.data.Data`. Data sets of batches are
            read for up to 1,024 images.
        validation_data: The same, for validation.
        history: Keras' `History` of a run, or what its `history` is.
        epochs: Epochs that the model is to be trained for.
        batch_size: Images in a batch of that training, for arrays.
        callbacks: Keras callbacks of that training.
        sweep: Whether to run the learning rate finder too, with the model's own optimizer: `kerastricks.lr_find`.

    Example:

        print(kt.doctor(model, (images, labels), validation_data=held_out, epochs=20, batch_size=128))
    """
    case = Case(model, data, validation_data, history, epochs=epochs, batch_size=batch_size, callbacks=tuple(callbacks))
    if isinstance(model, Engine):
        case.model, case.engine = model.network, model
    twice: list[Finding] = []
    if isinstance(data, data_room.Data):
        case.data, case.validation_data = data.train, validation_data or data.validation
        case.named_classes = len(data.classes)
        twice = among_files(data)
    if sweep:
        _sweep(case)
    return _with(examine(case), twice)


def diagnose(task: DoctorTask) -> tuple[Findings, tuple[str, ...]]:
    """Does what `kerastricks doctor` says; returns the findings, and lines that the user is to read.

    Raises:
        ValueError: If there is no such model, run or data.
    """
    check_backend(task)
    if task.kind == "run":
        return _of_run(Path(task.model), task)
    if task.kind == "data":
        found = _load(Task(task.model, seed=task.seed))
        case = Case(data=found.train, validation_data=found.validation, named_classes=len(found.classes))
        return _with(examine(case), among_files(found)), found.notes
    model = _opened(task.model)
    told = description(task.model)
    case = Case(model, epochs=task.epochs, batch_size=task.batch_size, outputs_are=told.output if told else None)
    if task.data is None:
        return examine(case), ()
    found = _load(_sized(Task(task.data, seed=task.seed), model, told))
    findings = _put(case, found, told)
    if task.sweep:
        _sweep(case)
    case.scaled = told is not None or _scales(model)
    if not case.scaled:
        case.unseen.append("what the model says of the images: neither its file nor its layers tell their scale")
    return _with(examine(case), findings), found.notes


def told(found: Findings, notes: Sequence[str]) -> str:
    """Returns what `diagnose` found, in words."""
    return "\n".join([*notes, *([""] if notes else []), str(found)])


def _scales(model: Any) -> bool:
    """Tells whether a model scales images by layers of its own."""
    scales = (keras.layers.Rescaling, keras.layers.Normalization)
    return has_graph(model) and any(isinstance(layer, scales) for layer in all_layers(model))


def _opened(path: str) -> Any:
    """Returns the model of a file, compiled where Keras can do that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")  # it has not been trained
        try:
            return archive.load(path, compiled=True)
        except ValueError:
            return archive.load(path)  # raises for what is wrong with the file, and not with a loss of the user's


def _load(task: Task) -> data_room.Data:
    with decoding() as report:
        return load(task, report)


def _sized(task: Task, model: Any, told: Description | None) -> Task:
    """Returns the task with images of the size that a model takes."""
    if task.data == "digits":
        return task
    side = told.image_size if told else model.input_shape[1] if has_graph(model) else None
    return Task(task.data, seed=task.seed, image_size=side)


def _put(case: Case, found: data_room.Data, told: Description | None) -> list[Finding]:
    """Puts data into a case, as its model sees it; returns what is wrong between the two."""
    shape = case.model.input_shape[1:] if case.model is not None and has_graph(case.model) else found.image_shape
    shape = tuple(given if own is None else own for own, given in zip(shape, found.image_shape, strict=True))
    sides = (found.train, found.validation)
    fitting = shape == found.image_shape
    case.data, case.validation_data = (side if fitting else (Fitted(side[0], shape), side[1]) for side in sides)
    case.named_classes = len(found.classes)
    findings = among_files(found)
    if told is not None and told.classes != found.classes:
        differ = sum(one != other for one, other in zip(told.classes, found.classes, strict=False))
        differ += abs(len(told.classes) - len(found.classes))
        findings.append(
            Finding(
                "labels shifted",
                "The classes of the data are not those of the model, in its order.",
                f"{differ} of {len(told.classes)} names differ",
                "Pass the data that the model was trained for, or give the folders the names of its classes.",
            )
        )
    return findings


def _of_run(directory: Path, task: DoctorTask) -> tuple[Findings, tuple[str, ...]]:
    """Returns what `diagnose` does for a run directory: of its settings, history, model and data."""
    settings = run_record.settings(directory)
    file = directory / "model.keras"
    case = Case(_opened(str(file)) if file.is_file() else None, named_classes=len(settings.get("classes", [])) or None)
    told = description(file) if file.is_file() else None
    case.outputs_are = told.output if told else None
    case.history = run_record.history(directory / "history.csv", settings)
    if any(str(trick).startswith("EarlyStopping(") for trick in settings.get("tricks", [])):
        case.callbacks = (keras.callbacks.EarlyStopping(restore_best_weights=True),)
    source = task.data or settings.get("data_path") or settings.get("data")
    findings, notes = run_record.diverged(directory), list[str]()
    if source == "digits" or (source and Path(source).exists()):
        known: Any = {name: settings[name] for name in ("images", "deepest", "allow_bad") if settings.get(name)}
        size = None if source == "digits" else (settings.get("image_shape") or [None])[0]
        found = _load(Task(source, seed=settings.get("seed", 0), image_size=size, **known))
        findings += _put(case, found, told)
        notes += found.notes
    else:
        notes.append(f"the data of the run is not there: {shown(str(source))}" if source else "the run tells no data")
    return _with(examine(case), findings), tuple(notes)


def _sweep(case: Case) -> None:
    """Puts the rates that the finder suggests into a case."""
    optimizer = case.optimizer
    if optimizer is None or case.data is None:
        case.unseen.append("the learning rate: a sweep needs a compiled model and its data")
        return
    config = optimizer.get_config()

    def anew(learning_rate: Any, weight_decay: Any = None) -> Any:
        return type(optimizer).from_config({**config, "learning_rate": learning_rate})

    with untouched():
        arrays = case.train is not None and case.train.arrays is not None
    try:
        found = lr_find(
            case.model,
            case.data,
            Recipe(optimizer=anew, weight_decay=0.0),
            batch_size=(case.batch_size or 32) if arrays else None,
        )
    except Exception as error:
        case.unseen.append(f"the learning rate: {str(error).splitlines()[0]}")
        return
    suggested = [found.suggestion, *found.others.values()]
    case.rates = min(suggested), max(suggested)


def _with(findings: Findings, others: Sequence[Finding]) -> Findings:
    """Returns findings with others before them, each name once: the others', which are of all files."""
    seen = {finding.name for finding in others}
    return Findings([*others, *(one for one in findings if one.name not in seen)], findings.unseen)
