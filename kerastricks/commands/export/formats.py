"""The forms in which a model is exported: who writes each, and what runs it. Keras is not imported here."""

import dataclasses
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from kerastricks.data.names import shown

NAMES = {"tensorflow": "TensorFlow", "torch": "PyTorch"}


@dataclasses.dataclass(frozen=True)
class Format:
    """One form of an exported model.

    Attributes:
        ending: How the name of the artefact ends.
        routes: The backends on which Keras writes it, the preferred one first, and the packages each needs for it. JAX
            is never one: its ONNX models with MaxPooling are refused by the runtime, and the others need TensorFlow.
        runtime: The package that runs it.
        extra: The extra of this package that brings both.
    """

    ending: str
    routes: Mapping[str, tuple[str, ...]]
    runtime: str
    extra: str


FORMATS = {
    "onnx": Format(".onnx", {"torch": ("onnx",), "tensorflow": ("tf2onnx",)}, "onnxruntime", "onnx"),
    "saved_model": Format("_saved_model", {"tensorflow": ()}, "tensorflow", "tensorflow"),
    "litert": Format(".tflite", {"tensorflow": ()}, "ai_edge_litert", "litert"),
    "openvino": Format(".xml", {"tensorflow": (), "torch": ()}, "openvino", "openvino"),
}


def route(name: str, preferred: str | None = None) -> str:
    """Returns the backend that is to write a format.

    Args:
        name: One of `FORMATS`.
        preferred: The backend to take if it can.

    Raises:
        ValueError: If a backend or a package that this takes is not installed.
    """
    form = FORMATS[name]
    backends = [backend for backend in form.routes if _is_installed(backend)]
    if not backends:
        writers = " or ".join(NAMES[backend] for backend in form.routes)
        extras = ",".join(dict.fromkeys((form.extra, next(iter(form.routes)))))
        raise ValueError(f"The format {name} is written by {writers}, which is not installed. {_install(extras)}")
    lacking = {backend: _lacking(form, backend) for backend in backends}
    chosen = min(backends, key=lambda backend: (len(lacking[backend]) > 0, backend != preferred))
    if lacking[chosen]:
        packages = " and ".join(lacking[chosen])
        raise ValueError(f"The format {name} takes {packages}, not installed here. {_install(form.extra)}")
    return chosen


def destination(name: str, model: Path, out: str | None, int8: bool = False) -> Path:
    """Returns where to write, beside the model by default.

    Raises:
        ValueError: If something is there already, or the ending is not that of the format.
    """
    ending = FORMATS[name].ending
    path = model.with_name(f"{model.stem}{'_int8' * int8}{ending}") if out is None else Path(out)
    if ending.startswith(".") and path.suffix != ending:
        raise ValueError(f"A file of the format {name} must end in {ending}. Received: --out {shown(path)}")
    for one in parts(path):
        if one.exists() or one.is_symlink():
            raise ValueError(f"{shown(one)} exists already. Pass another place with --out, or remove it.")
    return path


def parts(artefact: Path) -> tuple[Path, ...]:
    """Returns the files of an artefact, its sidecar last."""
    weights = (artefact.with_suffix(".bin"),) if artefact.suffix == ".xml" else ()
    return (artefact, *weights, artefact.with_name(f"{artefact.name}.json"))


def _lacking(form: Format, backend: str) -> list[str]:
    return [package for package in (*form.routes[backend], form.runtime) if not _is_installed(package)]


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _install(extras: str) -> str:
    return f"Install it with: pip install 'kerastricks[{extras}]'"
