"""Runs an exported model in its own runtime, in a process of its own. Keras is not imported here.

    python -m kerastricks.commands.export.runtimes FORMAT ARTEFACT FOLDER

The folder holds `inputs.npy`; `answers.npy` and `account.json` are left in it.
"""

import importlib.metadata
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ONE, SEVERAL = 1, 5


class Ready(NamedTuple):
    """A model that its runtime has loaded: a function from images to probabilities, and the names of both ends.

    `usual` is the function with the runtime's own settings, where those lose precision.
    """

    runtime: str
    input: str
    output: str
    answer: Callable[[np.ndarray], np.ndarray]
    usual: Callable[[np.ndarray], np.ndarray] | None = None


def batches(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yields images in batches of two sizes: a model whose batch is fixed fails at one of them."""
    yield images[:ONE]
    for start in range(ONE, len(images), SEVERAL):
        yield images[start : start + SEVERAL]


def onnx(artefact: Path) -> Ready:
    """Loads an ONNX file into ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(artefact), providers=["CPUExecutionProvider"])
    (source,), (target,) = session.get_inputs(), session.get_outputs()
    return Ready("onnxruntime", source.name, target.name, lambda images: session.run(None, {source.name: images})[0])


def saved_model(artefact: Path) -> Ready:
    """Loads a SavedModel into TensorFlow, without Keras."""
    import tensorflow as tf

    model = tf.saved_model.load(str(artefact))  # the variables live as long as this is held
    endpoint = model.signatures["serving_default"]
    (source,), (target,) = endpoint.structured_input_signature[1], endpoint.structured_outputs

    def answer(images: np.ndarray, _held: Any = model) -> np.ndarray:
        return endpoint(**{source: tf.constant(images)})[target].numpy()

    return Ready("tensorflow", source, target, answer)


def litert(artefact: Path) -> Ready:
    """Loads a LiteRT file into its interpreter."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(artefact))
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    (signature,) = interpreter.get_signature_list().values()

    def answer(images: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(source["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(target["index"])

    return Ready("ai-edge-litert", signature["inputs"][0], signature["outputs"][0], answer)


def openvino(artefact: Path) -> Ready:
    """Loads an OpenVINO model, which computes in float32 only when asked, on processors that have bfloat16."""
    without_telemetry()
    import openvino

    core = openvino.Core()
    model = core.read_model(str(artefact))
    exact, usual = (
        core.compile_model(model, "CPU", settings) for settings in ({"INFERENCE_PRECISION_HINT": "f32"}, {})
    )
    source, target = model.inputs[0].any_name, model.outputs[0].any_name
    return Ready("openvino", source, target, lambda images: exact(images)[0], lambda images: usual(images)[0])


def without_telemetry() -> None:
    """Keeps OpenVINO, not yet imported, from telling its maker of what is done, for which it writes to ~/intel."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


LOADERS: dict[str, Callable[[Path], Ready]] = {
    "onnx": onnx,
    "saved_model": saved_model,
    "litert": litert,
    "openvino": openvino,
}


def run(name: str, artefact: Path, folder: Path) -> None:
    """Writes the answers of an artefact to the inputs in a folder, and an account of the runtime."""
    images = np.load(folder / "inputs.npy")
    ready = LOADERS[name](artefact)
    np.save(folder / "answers.npy", np.concatenate([ready.answer(batch) for batch in batches(images)]))
    if ready.usual is not None:
        np.save(folder / "usual.npy", np.concatenate([ready.usual(batch) for batch in batches(images)]))
    account = {"runtime": ready.runtime, "version": _version(ready.runtime), "names": [ready.input, ready.output]}
    (folder / "account.json").write_text(json.dumps(account), encoding="utf-8")


def _version(runtime: str) -> str:
    """Returns the version of a package; TensorFlow has more than one name."""
    for name in (runtime, f"{runtime}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
