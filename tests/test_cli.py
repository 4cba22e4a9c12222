"""The command line as a user meets it: in a process of its own."""

import os
import subprocess
import sys
import warnings

import pytest

pytestmark = pytest.mark.any_backend


WITHOUT_KERAS = """
import sys
sys.modules.update(dict.fromkeys(("keras", "tensorflow", "jax", "torch")))
from kerastricks.cli import main
main()
"""


def kerastricks(*arguments, start=("-m", "kerastricks.cli"), **environment):
    """Runs the command; returns the finished process."""
    return subprocess.run(
        [sys.executable, *start, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], "Train a classifier"),
        (["train", "--help"], "Tricks to leave out of the recipe"),
        (["train", "--help"], "root/{train,val,test}/class/*.jpg"),
        (["recipes", "resnet50d/mixup"], "79.15 % top-1"),
        (["recipes"], "baseline What a Keras user writes today"),
        (["train", "--list-models"], "ResNet50V2 25,613,800 224×224 imagenet, which Keras downloads"),
        (["tricks"], "MixUp Trains on blends of two images"),
        (["tricks", "MixUp"], "MixUp(alpha=0.2, off_epochs=0, per_sample=False, probability=1.0) Trains on blends"),
        (["runs", "nowhere"], "There is no directory nowhere."),
        (["train", "digits", "--with", "EMA", "--without", "EMA"], "EMA is added twice, or added and left out."),
        (["train", "digits", "--epoch", "3"], "Did you mean --epochs?"),
        (["train", "digits", "--epochs", "0"], "`epochs` must be at least 1. Received: epochs=0"),
        (["train", "digits", "--batch-size", "many"], 'unable to convert "many" into int'),
        (["--version"], "0.1.0"),
        (["train"], "There is no data. Pass `digits`"),
        (["train", "nowhere"], "nowhere does not exist"),
        (["trian"], "Did you mean"),
        (["predict", "--help"], "MODEL PATHS"),
        (["evaluate", "--help"], "MODEL DATA"),
        (["predict", "nowhere.keras", "a.png"], "nowhere.keras does not exist. Pass a .keras file, or the directory"),
        (["evaluate", "nowhere.keras", "digits"], "nowhere.keras does not exist"),
        (["evaluate", "tests", "nowhere"], "nowhere does not exist. Pass `digits`, a folder"),
        (["predict", "tests", "--format", "xml", "-"], 'Choose from: "csv", "jsonl"'),
        (["predict", "tests", "-", "--tpo", "3"], "Unknown option: --tpo."),
        (["predict", "tests", "-", "--out", "README.md"], "README.md exists. Pass another file with --out"),
    ],
)
def test_answers_without_keras(arguments, said):
    """An import of Keras takes three seconds and more; here it would fail."""
    done = kerastricks(*arguments, start=("-c", WITHOUT_KERAS))
    good = {"--help", "--version", "recipes", "tricks", "--list-models"} & set(arguments)
    assert said in " ".join((done.stdout if good else done.stderr).split())
    assert done.returncode == (0 if good else 2)
    assert good or len(done.stderr.splitlines()) == 1


def test_never_imports_keras_for_help():
    code = "import sys, kerastricks.cli; dir(kerastricks); assert not {'keras', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("backend", "said"),
    [("tensorflw", "Did you mean tensorflow?"), ("openvino", "Unknown backend 'openvino'")],
)
def test_names_the_backends(backend, said):
    done = kerastricks("train", "digits", KERAS_BACKEND=backend)
    assert (said in done.stderr, done.returncode) == (True, 2)


def test_a_backend_that_is_not_installed(monkeypatch, capsys):
    import kerastricks.cli

    monkeypatch.setattr(kerastricks.cli.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(ValueError, match=r"'jax' is not installed. Install it with: pip install 'kerastricks\[jax\]'"):
        kerastricks.commands.backend.choose_backend()


@pytest.fixture
def main(monkeypatch, capfd):
    """Returns a function: runs a command line in this process; its exit status, and the lines on standard error."""
    import kerastricks.cli

    monkeypatch.setenv("KERASTRICKS_DEBUG", "")  # which `--debug` sets: undone in the end

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["kerastricks", *arguments])
        with warnings.catch_warnings():
            try:
                kerastricks.cli.main()
                status = 0
            except SystemExit as end:
                status = end.code
        monkeypatch.setenv("KERASTRICKS_DEBUG", "")
        return status, capfd.readouterr().err.splitlines()

    return run


@pytest.mark.parametrize(
    "arguments", [("--debug", "recipes", "x"), ("recipes", "--debug", "x"), ("recipes", "x", "--debug")]
)
def test_debug_shows_the_traceback_wherever_it_stands(main, arguments):
    status, lines = main(*arguments)
    assert (status, lines[0]) == (2, "Traceback (most recent call last):")
    assert lines[-1].startswith("kerastricks: Unknown recipe 'x'.")
    assert main("recipes", "x") == (2, lines[-1:])


@pytest.mark.parametrize(
    ("error", "status", "lines"),
    [
        (BrokenPipeError(32, "Broken pipe"), 141, []),
        (OSError(28, "No space left on device"), 1, ["kerastricks: standard output: No space left on device"]),
        (KeyboardInterrupt(), 130, ["kerastricks: stopped; nothing was written"]),
        (
            KeyError("x"),
            1,
            ["kerastricks: KeyError: 'x'. This was not foreseen: run again with --debug to see where it happened."],
        ),
    ],
    ids=repr,
)
def test_what_ends_a_command_is_said_in_a_line(main, monkeypatch, error, status, lines):
    def describe(name):
        raise error

    monkeypatch.setattr("kerastricks.commands.listing.shipped.describe", describe)
    monkeypatch.setattr("kerastricks.commands.faults.drop_output", lambda: None)  # of this process, which goes on
    monkeypatch.setattr("kerastricks.commands.faults.of_output", lambda error, printer: True)
    assert main("recipes") == (status, lines)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_device():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "kerastricks.cli", "recipes"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "kerastricks: standard output: No space left on device\n")


@pytest.mark.slow
def test_trains(tmp_path):
    out = tmp_path / "run"
    done = kerastricks("train", "digits", "--epochs", "3", "--without", "MixUp", "LabelSmoothing", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout
    assert done.stderr == ""  # nothing of TensorFlow's
    assert (out / "report.html").exists()
    again = kerastricks("train", "digits", "--out", str(out))
    assert (again.returncode, again.stderr.splitlines()[-1].startswith("kerastricks:")) == (2, True)
