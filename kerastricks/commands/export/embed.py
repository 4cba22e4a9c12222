"""Puts the card of a model into its artefact, in the place that each form has for such things."""

import json
import zipfile
from pathlib import Path
from typing import Any

from kerastricks.data.names import shown

KEY = "kerastricks"


def into_onnx(artefact: Path, told: dict[str, Any]) -> None:
    """Names input and output, and writes `classes`, `image_size` and the card into `metadata_props`, as JSON."""
    import onnx

    model = onnx.load(str(artefact))
    _rename(model.graph, model.graph.input[0].name, "images")
    _rename(model.graph, model.graph.output[0].name, "probabilities")
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    height, width, _ = told["input"]["shape"][1:]
    props = {"classes": told["classes"], "image_size": [height, width], KEY: told}
    onnx.helper.set_model_props(model, {name: _text(value) for name, value in props.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(artefact))


def _rename(graph: Any, old: str, new: str) -> None:
    """Renames a tensor of an ONNX graph wherever it is made and read."""
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    for value in (*graph.input, *graph.output):
        if value.name == old:
            value.name = new


def into_saved_model(artefact: Path, told: dict[str, Any]) -> None:
    """Writes `labels.txt` and `kerastricks.json` into `assets.extra`, which TensorFlow keeps for users."""
    folder = artefact / "assets.extra"
    folder.mkdir()
    (folder / "labels.txt").write_text(_labels(told), encoding="utf-8")
    (folder / f"{KEY}.json").write_text(_text(told), encoding="utf-8")


def into_litert(artefact: Path, told: dict[str, Any]) -> None:
    """Appends `labels.txt` and `kerastricks.json` as a zip archive, as TensorFlow Lite's metadata are: unzip reads it.

    See https://ai.google.dev/edge/litert/conversion/tensorflow/metadata
    """
    with zipfile.ZipFile(artefact, "a") as archive:
        archive.writestr("labels.txt", _labels(told))
        archive.writestr(f"{KEY}.json", _text(told))


def into_openvino(raw: Path, artefact: Path, told: dict[str, Any]) -> None:
    """Names input and output, and writes the model anew with the classes and the card in `rt_info`.

    The classes stand in `model_info/labels` as OpenVINO's Model API has them: between spaces, underscores for spaces.
    """
    import openvino

    model = openvino.Core().read_model(str(raw))
    model.reshape([-1, *told["input"]["shape"][1:]])
    model.inputs[0].tensor.set_names({"images"})
    model.outputs[0].tensor.set_names({"probabilities"})
    model.set_rt_info("Classification", ["model_info", "model_type"])
    model.set_rt_info(" ".join(name.replace(" ", "_") for name in told["classes"]), ["model_info", "labels"])
    model.set_rt_info(_text(told), [KEY])
    openvino.serialize(model, str(artefact))


def _labels(told: dict[str, Any]) -> str:
    return "".join(f"{shown(name)}\n" for name in told["classes"])


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
