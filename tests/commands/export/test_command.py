"""`kerastricks export` as a user meets it: in a process of its own."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.any_backend


def kerastricks(*arguments, code="", **environment):
    """Runs the command after some code, with Keras out of reach."""
    code = f"import sys; sys.modules['keras'] = None\n{code}\nfrom kerastricks.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "onx"], 'Invalid value "onx" for --format'),
        ([], 'Command "export" parameter --format requires an argument'),
        (["--format", "onnx", "--int8"], "`int8` is for the format litert. Received: output_format='onnx'"),
        (["--format", "onnx", "--batch-size", "0"], "`batch_size` must be at least 1"),
        (["--format", "onnx", "--backend", "jx"], "Unknown backend 'jx'. Did you mean jax?"),
    ],
)
def test_bad_arguments_are_one_line(network, arguments, said):
    done = kerastricks("export", network, *arguments)
    assert said in done.stderr
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_model_that_is_not_there():
    done = kerastricks("export", "nowhere.keras", "--format", "onnx")
    assert "nowhere.keras does not exist. Pass a .keras file, or the directory of a run" in done.stderr
    assert done.returncode == 2


def test_a_missing_runtime(network):
    """Told before Keras is imported."""
    code = (
        "import importlib.util as util; find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name in ('onnxruntime', 'tf2onnx', 'onnx') else find(name, *rest)"
    )
    done = kerastricks("export", network, "--format", "onnx", code=code)
    assert "not installed here. Install it with: pip install 'kerastricks[onnx]'" in done.stderr
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert [path.name for path in network.parent.iterdir()] == ["model.keras"]


def test_help_tells_the_formats():
    done = kerastricks("export", "--help")
    assert all(name in done.stdout for name in ("onnx", "saved_model", "litert", "openvino", "--int8", "--images"))
    assert done.returncode == 0
