from pathlib import Path

import pytest

from kerastricks.commands.export import formats

pytestmark = pytest.mark.any_backend


@pytest.fixture
def installed(monkeypatch):
    """Returns a function that says which packages are installed."""

    def only(*names):
        monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: name in names or None)

    return only


@pytest.mark.parametrize(
    ("packages", "preferred", "expected"),
    [
        (("torch", "onnx", "tensorflow", "tf2onnx"), "tensorflow", "tensorflow"),
        (("torch", "onnx", "tensorflow", "tf2onnx"), "jax", "torch"),
        (("torch", "tensorflow", "tf2onnx"), "torch", "tensorflow"),  # what can comes before what is preferred
        (("jax", "tensorflow", "tf2onnx"), "jax", "tensorflow"),
    ],
)
def test_who_writes(installed, packages, preferred, expected):
    installed("onnxruntime", *packages)
    assert formats.route("onnx", preferred) == expected


@pytest.mark.parametrize("name", formats.FORMATS)
def test_jax_writes_nothing(installed, name):
    installed("jax", "onnx", "onnxruntime", "tf2onnx", "ai_edge_litert", "openvino")
    with pytest.raises(ValueError, match="is written by .*TensorFlow.*not installed. Install it with: pip install"):
        formats.route(name, "jax")


@pytest.mark.parametrize(
    ("name", "packages", "message"),
    [
        ("onnx", ("torch",), "takes onnx and onnxruntime, not installed here. .*: pip install 'kerastricks\\[onnx\\]'"),
        ("onnx", ("tensorflow", "onnxruntime"), "takes tf2onnx, not installed"),
        ("litert", ("tensorflow",), "takes ai_edge_litert, .*'kerastricks\\[litert\\]'"),
        ("litert", ("torch", "ai_edge_litert"), "written by TensorFlow, which.*'kerastricks\\[litert,tensorflow\\]'"),
        ("openvino", ("torch",), "takes openvino, .*'kerastricks\\[openvino\\]'"),
        ("saved_model", ("torch",), "written by TensorFlow, which.*'kerastricks\\[tensorflow\\]'"),
        ("onnx", ("jax",), "written by PyTorch or TensorFlow, which .*'kerastricks\\[onnx,torch\\]'"),
    ],
)
def test_what_is_missing_is_named(installed, name, packages, message):
    installed(*packages)
    with pytest.raises(ValueError, match=message):
        formats.route(name)


@pytest.mark.parametrize(
    ("name", "int8", "expected"),
    [
        ("onnx", False, ["m.onnx", "m.onnx.json"]),
        ("litert", True, ["m_int8.tflite", "m_int8.tflite.json"]),
        ("openvino", False, ["m.xml", "m.bin", "m.xml.json"]),
        ("saved_model", False, ["m_saved_model", "m_saved_model.json"]),
    ],
)
def test_the_default_place_is_beside_the_model(name, int8, expected):
    path = formats.destination(name, Path("there/m.keras"), None, int8)
    assert formats.parts(path) == tuple(Path("there", part) for part in expected)


def test_a_file_ends_as_its_format_does(tmp_path):
    with pytest.raises(ValueError, match="must end in .onnx. Received: --out .*m.pb"):
        formats.destination("onnx", Path("m.keras"), str(tmp_path / "m.pb"))
    assert formats.destination("saved_model", Path("m.keras"), str(tmp_path / "any")) == tmp_path / "any"


@pytest.mark.parametrize("there", ["m.xml", "m.bin", "m.xml.json"])
def test_nothing_is_overwritten(tmp_path, there):
    (tmp_path / there).touch()
    with pytest.raises(ValueError, match=f"{there} exists already. Pass another place with --out, or remove it."):
        formats.destination("openvino", tmp_path / "m.keras", None)
