"""Exports a finished model, and compares it with Keras before it says so."""

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerastricks.commands import model_file
from kerastricks.commands.export import formats
from kerastricks.commands.export.images import Sample, noise, sample
from kerastricks.commands.faults import MachineError
from kerastricks.commands.model_task import ExportTask
from kerastricks.commands.output import check_writable, write_json
from kerastricks.commands.prepare import check_backend
from kerastricks.data import atomic
from kerastricks.data.names import shown
from kerastricks.models import archive

COMPARED, LEAST_COMPARED = 16, 6  # images: batches of 1 and of 5
CALIBRATING, JUDGED = 128, 512  # images for a quantized model: to measure ranges on, and to judge it on
STEPS = {"predict": "asking Keras on {}", "write": "writing on {}"}
TOLERANCE = 1e-4
LEAST_AGREEMENT = 0.5
_ROOT = Path(__file__).parents[3]


class ExportError(MachineError):
    """An exporter or a runtime failed, and not a setting."""


def export(task: ExportTask, say: Callable[[str], None] = lambda what: None) -> dict[str, Any]:
    """Writes a model in another form, runs it in its own runtime and compares it with Keras on the same images.

    Processes of their own do it, on the CPU: one on this backend for what Keras says, one on a backend that can write
    the form, and one with the runtime alone. Nothing is left behind unless the probabilities agree within 1e-4 in
    batches of 1 and of 5; of a model of 8-bit integers, unless both name the same class for half the images.

    Args:
        task: What to do.
        say: Called with what is going on.

    Returns:
        What the sidecar holds, and the file's size in bytes and lines for the user.

    Raises:
        ValueError: If a setting does not fit or a package is missing; nothing was done then.
        ExportError: If the model could not be written or run, or does not agree.
    """
    check_backend(task)
    writer = formats.route(task.output_format, keras.backend.backend())
    file, found = model_file.find(task.model)
    archive.check(file)  # before a process is started for it
    out = formats.destination(task.output_format, file, task.out, task.int8)
    check_writable(out.parent)
    images = sample(task.images, file, found, CALIBRATING + JUDGED if task.int8 else COMPARED, task.seed)
    notes = []
    if images is None:
        if task.int8:
            raise ValueError("A model is quantized on images such as it will see. Pass some with --images.")
        images = Sample(noise(found, COMPARED, task.seed), None, "random pixels")
        notes.append("No image of the model's run was found, so it is compared on random pixels: pass --images.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as name:
        work = Path(name)
        labels, count = _hand_over(work, task, file, out.name, images)
        steps = [["predict", "write"]] if writer == keras.backend.backend() else [["predict"], ["write"]]
        for backend, todo in zip([keras.backend.backend(), writer], steps, strict=False):
            say(" and ".join(STEPS[step].format(backend) for step in todo))
            _child("child", [work, *todo], f"Keras on {backend} could not", {"KERAS_BACKEND": backend})
        say("running it in its own runtime")
        _child("runtimes", [task.output_format, work / out.name, work], f"The {task.output_format} model could not", {})
        result = _account(work, task, file, writer, images.source, count)
        notes += _compare(work, task, labels, result)
        write_json(work / f"{out.name}.json", result)
        formats.destination(task.output_format, file, task.out, task.int8)  # raises if something came meanwhile
        for part in formats.parts(out):
            _move(work / part.name, part)
    return {**result, "path": str(out), "bytes": _size(out), "notes": notes}


def _move(made: Path, part: Path) -> None:
    """Gives a file or a directory its place, when it is on the disk."""
    if made.is_dir():
        made.rename(part)
        atomic.sync_directory(part.parent)
        return
    with atomic.replacing(part) as beside:
        made.rename(beside)


def _hand_over(work: Path, task: ExportTask, file: Path, name: str, images: Sample) -> tuple[np.ndarray | None, int]:
    """Writes what the child needs; returns the labels of the images that are compared, and how many these are."""
    job: dict[str, Any] = {"model": str(file), "format": task.output_format, "artefact": name, "int8": task.int8}
    job["batch_size"] = task.batch_size
    (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
    held = min(CALIBRATING, len(images.pixels) // 2) if task.int8 else 0
    if task.int8 and not held:
        raise ValueError("A model is quantized on some images and judged on others. Pass two or more with --images.")
    order = np.random.default_rng(task.seed).permutation(len(images.pixels))
    np.save(work / "calibration.npy", images.pixels[order[:held]])
    compared = np.resize(order[held:], max(LEAST_COMPARED, len(order) - held))  # few images are taken several times
    np.save(work / "images.npy", images.pixels[compared])
    return None if images.labels is None else images.labels[compared], len(order) - held


def _child(module: str, arguments: list[Any], failed: str, settings: dict[str, str]) -> None:
    """Runs a module of this room in a process of its own, on the CPU; an error of it is raised here."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    surroundings = {"PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if settings.get("KERAS_BACKEND") == "jax":
        surroundings["JAX_PLATFORMS"] = "cpu"
    done = subprocess.run(
        [sys.executable, "-P", "-m", f"kerastricks.commands.export.{module}", *map(str, arguments)],
        env={**os.environ, **surroundings, **settings},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if os.environ.get("KERASTRICKS_DEBUG"):
        print(done.stderr, file=sys.stderr)
    if done.returncode == 0:
        return
    *_, last = ["it said nothing", *filter(str.strip, done.stderr.splitlines())]
    if done.returncode == 2:
        raise ValueError(last)
    how = f"signal {-done.returncode}" if done.returncode < 0 else last.strip()
    raise ExportError(f"{failed} {'be run' if module == 'runtimes' else 'do it'}: {how}. Nothing was written.")


def _account(work: Path, task: ExportTask, file: Path, writer: str, source: str, count: int) -> dict[str, Any]:
    """Returns the card of the model with the names of its ends, and how it was made."""
    told = json.loads((work / "card.json").read_text(encoding="utf-8"))
    account = json.loads((work / "account.json").read_text(encoding="utf-8"))
    for side, name in zip(("input", "output"), account.pop("names"), strict=True):
        told[side] = {"name": name, **told[side]}
    made = {
        "model": shown(file.name),
        "format": task.output_format,
        "int8": task.int8,
        "written_by": f"Keras on {writer}",
    }
    versions = {"keras": keras.__version__, "kerastricks": importlib.metadata.version("kerastricks")}
    return {**told, "made": {**made, **versions}, "compared": {**account, "images": source, "count": count}}


def _compare(work: Path, task: ExportTask, labels: np.ndarray | None, result: dict[str, Any]) -> list[str]:
    """Adds to `result` how far the artefact and Keras are apart, and returns lines for the user.

    Raises:
        ExportError: If they are too far apart.
    """
    expected, answers = np.load(work / "expected.npy"), np.load(work / "answers.npy")
    compared = result["compared"]
    notes: list[str] = []
    compared["keras_on"] = keras.backend.backend()
    compared["largest_difference"] = largest = _difference(expected, answers)
    if task.int8:
        said, meant = answers.argmax(1), expected.argmax(1)
        compared["same_class"] = agreement = float(np.mean(said == meant))
        if labels is not None:
            compared["accuracy_before"], compared["accuracy_after"] = (
                float(np.mean(x == labels)) for x in (meant, said)
            )
        if agreement < LEAST_AGREEMENT:
            raise ExportError(
                f"In 8-bit integers the model names Keras' class for {agreement:.0%} of {len(said)} images only. Pass "
                "images such as it was trained on with --images, or leave out --int8. Nothing was written."
            )
        return notes
    if not largest <= TOLERANCE:
        raise ExportError(
            f"The {task.output_format} model does not agree with Keras: probabilities differ by up to {largest:.2g}, "
            f"more than {TOLERANCE:g}. Nothing was written."
        )
    if (spread := float(np.ptp(expected, axis=0).max())) < 100 * TOLERANCE:
        notes.append(f"Keras gives all these images the same answer within {spread:.2g}: the comparison tells little.")
    if (work / "usual.npy").exists():
        compared["largest_difference_by_default"] = usual = _difference(expected, np.load(work / "usual.npy"))
        if usual > TOLERANCE:
            notes.append(
                f"By default the runtime computes with less precision on this machine: {usual:.2g} apart. "
                'Compile the model with {"INFERENCE_PRECISION_HINT": "f32"} to have what was compared.'
            )
    return notes


def _difference(expected: np.ndarray, answers: np.ndarray) -> float:
    """Returns the largest difference; infinity where the shapes differ or one holds no numbers."""
    if expected.shape != answers.shape:
        return float("inf")
    largest = float(np.abs(expected - answers).max())
    return largest if np.isfinite(largest) else float("inf")


def _size(artefact: Path) -> int:
    """Returns the bytes of an artefact without its sidecar."""
    files = [path for part in formats.parts(artefact)[:-1] for path in (part, *part.rglob("*")) if path.is_file()]
    return sum(path.stat().st_size for path in files)


def words(result: dict[str, Any]) -> str:
    """Returns what `export` found out, for people to read."""
    compared, made = result["compared"], result["made"]
    path = shown(result["path"])
    runtime = f"{compared['runtime']} {compared['version']}"
    images = f"{compared['count']} images of {compared['images']}, batches of 1 and 5"
    lines = [
        *result["notes"],
        f"{path}  {result['bytes'] / 1e6:.2f} MB, {made['format']} by {made['written_by']}",
    ]
    difference = f"largest difference of a probability {compared['largest_difference']:.2g}"
    if made["int8"]:
        lines.append(
            f"8-bit integers: the class is Keras' for {compared['same_class']:.1%} of the images, {difference}"
        )
        if "accuracy_before" in compared:
            lines.append(f"accuracy {compared['accuracy_before']:.4f} before, {compared['accuracy_after']:.4f} after")
    else:
        lines.append(f"it agrees with Keras on {compared['keras_on']}: {difference}")
    lines.append(f"compared in {runtime} on {images}")
    return "\n".join([*lines, f"{path}.json tells classes, input and preprocessing"])
