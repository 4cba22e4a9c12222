"""What a process of its own does for an export, on its own backend: Keras' answers, and the artefact.

    python -m kerastricks.commands.export.child FOLDER STEP...

The folder holds `job.json` and `images.npy`. The step `predict` leaves `inputs.npy`, `expected.npy` and `card.json`;
`write` leaves the artefact. An error is one line on standard error, and the status that stands for it.
"""

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerastricks.commands import faults, model_file
from kerastricks.commands.export import embed
from kerastricks.commands.export.card import card
from kerastricks.commands.export.runtimes import without_telemetry
from kerastricks.commands.model_images import fit, input_shape
from kerastricks.models import archive
from kerastricks.models.heads import probabilities
from kerastricks.models.precision import float32

ACTIVATIONS = {"logits": "softmax", "sigmoid": "sigmoid"}


def run(folder: Path, steps: list[str]) -> None:
    """Does the steps of a job in its folder.

    Raises:
        ValueError: If the model cannot be opened, or its description does not fit it.
    """
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    file, found = model_file.find(job["model"])
    model = archive.load(file)
    found = model_file.filled(found, model)
    shape = input_shape(model, found)
    told = card(found, shape)
    with float32(model):
        if "predict" in steps:
            inputs = _whole(np.load(folder / "images.npy"), shape)
            scores = model.predict(inputs.astype("float32"), batch_size=job["batch_size"], verbose=0)
            np.save(folder / "inputs.npy", inputs)
            np.save(folder / "expected.npy", probabilities(scores, found.output))
            (folder / "card.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        if "write" in steps:
            artefact = folder / job["artefact"]
            calibration = _whole(np.load(folder / "calibration.npy"), shape) if job["int8"] else None
            WRITERS[job["format"]](served(model, found.output, shape), artefact, told, calibration)


def _whole(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Returns decoded images as the artefact takes them: fitted to the model, in whole levels."""
    return np.rint(fit(images, shape)).astype("uint8")


def served(model: Any, output: str, shape: tuple[int, int, int]) -> Any:
    """Returns the model that a server wants: uint8 images in, probabilities in float32 out.

    Args:
        model: The network as it was trained.
        output: What its outputs are, as in `kerastricks.models.saved.Description`.
        shape: Height, width and channels of its images.
    """
    images = keras.Input(shape, dtype="uint8", name="images")
    outputs = model(ops.cast(images, "float32"))
    if output in ACTIVATIONS:
        outputs = layers.Activation(ACTIVATIONS[output], name="probabilities")(outputs)
    whole = keras.Model(images, outputs)
    whole(np.zeros((1, *shape), "uint8"))  # some exporters refuse a model that was never called
    return whole


def _onnx(model: Any, artefact: Path, told: dict, _: Any) -> None:
    model.export(str(artefact), format="onnx", verbose=False)
    embed.into_onnx(artefact, told)


def _saved_model(model: Any, artefact: Path, told: dict, _: Any) -> None:
    model.export(str(artefact), format="tf_saved_model", verbose=False)
    embed.into_saved_model(artefact, told)


def _litert(model: Any, artefact: Path, told: dict, calibration: np.ndarray | None) -> None:
    import tensorflow as tf

    settings: dict[str, Any] = {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}
    if calibration is not None:
        settings = {
            "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
            "optimizations": [tf.lite.Optimize.DEFAULT],
            "representative_dataset": lambda: ([image[None]] for image in calibration),
        }
    model.export(str(artefact), format="litert", verbose=False, **settings)
    embed.into_litert(artefact, told)


def _openvino(model: Any, artefact: Path, told: dict, _: Any) -> None:
    without_telemetry()
    raw = artefact.with_name("raw.xml")  # rewritten, for a file that is read cannot be written
    model.export(str(raw), format="openvino", verbose=False)
    embed.into_openvino(raw, artefact, told)


Writer = Callable[[Any, Path, dict, Any], None]
WRITERS: dict[str, Writer] = {
    "onnx": _onnx,
    "saved_model": _saved_model,
    "litert": _litert,
    "openvino": _openvino,
}


def main(work: Callable[[], Any]) -> None:
    """Ends the process with status 2 for what the user can mend, else 1, and the reason in the last line."""
    try:
        work()
    except Exception as error:
        said, status = faults.explain(error)
        unforeseen = status == 1 and not isinstance(error, faults.MachineError)
        print(faults.named(error) if unforeseen else said, file=sys.stderr)
        sys.exit(status)


if __name__ == "__main__":
    main(functools.partial(run, Path(sys.argv[1]), sys.argv[2:]))
