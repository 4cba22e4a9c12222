"""What a run writes, where the disk is full, others write there too, or what it reads means harm."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from kerastricks.commands import run_files
from kerastricks.commands.ablation.ablate import ablate
from kerastricks.commands.evaluate import evaluate
from kerastricks.commands.export import formats
from kerastricks.commands.export.export import export
from kerastricks.commands.faults import MachineError, explain
from kerastricks.commands.model_task import EvaluateTask, ExportTask, PredictTask
from kerastricks.commands.predict import predict
from kerastricks.commands.task import TrainTask
from kerastricks.commands.train import train
from kerastricks.data import atomic
from kerastricks.models import Description, archive, describe, description

# Few steps: statistics lag behind.
pytestmark = pytest.mark.filterwarnings("ignore:Training accuracy")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """Two classes of six noisy 8×8 images, one darker than the other."""
    random = np.random.default_rng(0)
    for label, low in (("dark", 0), ("light", 128)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for index in range(6):
            pixels = random.integers(low, low + 128, (8, 8, 3), "uint8")
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{index}.png")
    return tmp_path / "photos"


@pytest.fixture
def run(folder, tmp_path, monkeypatch, tiny):
    monkeypatch.chdir(tmp_path)
    usual = {"model": tiny["colour"], "epochs": 1, "batch_size": 8, "recipe": "baseline", "out": "out"}
    return lambda **settings: train(TrainTask(str(folder), **{**usual, **settings}))


def command(*words, cwd, code="from kerastricks.cli import main; main()", **surroundings):
    """Starts the command line in a process of its own."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = {**os.environ, "KERAS_BACKEND": keras.backend.backend(), "PYTHONPATH": path, **surroundings}
    script = f"import sys; sys.argv = ['kerastricks', *sys.argv[1:]]\n{code}"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-P", "-c", script, *words], cwd=cwd, env=settings, **pipes)


WHEN_LOCKED = """
import pathlib, time
while not pathlib.Path("out", ".lock").exists():
    time.sleep(0.01)
from kerastricks.cli import main
main()
"""


@pytest.mark.parametrize(
    ("module", "name", "error", "words"),
    [
        (run_files, "judge", RuntimeError("no memory"), "RuntimeError: no memory"),
        (run_files, "training_page", ValueError("a plot\ncrashed"), "ValueError: a plot crashed"),
        (
            atomic,
            "write",
            OSError(28, "No space left on device"),
            r"No space left on device \([0-9,]+ bytes are",
        ),
        (atomic, "write", OSError(30, "Read-only file system"), "Read-only file system"),
    ],
)
def test_a_report_that_fails_costs_no_model(run, monkeypatch, module, name, error, words):
    original = getattr(module, name)

    def failing(path, *arguments, **settings):
        if name == "write" and Path(path).name not in ("result.json", "report.html"):
            return original(path, *arguments, **settings)
        raise error

    with monkeypatch.context() as patches, pytest.raises(MachineError) as caught:
        patches.setattr(module, name, failing)
        run()
    said, status = explain(caught.value)
    assert status == 1 and "\n" not in said
    assert re.match(rf"The model is out/model\.keras, but its report could not be made: {words}", said)
    assert description("out/model.keras").classes == ("dark", "light")
    assert archive.load("out/model.keras").predict(np.zeros((1, 8, 8, 3)), verbose=0).shape == (1, 2)
    assert not Path("out", "report.html").exists() and not Path("out", ".lock").exists()


@pytest.mark.filterwarnings("ignore:The run could not be saved")
def test_a_model_that_has_no_room_goes_elsewhere(run, monkeypatch, tmp_path):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(run_files.tempfile, "tempdir", str(tmp_path / "temporary"))
    replacing = run_files.saved.atomic.replacing

    def full(path):
        if Path(path).parent.name == "out" and Path(path).suffix == ".keras":
            raise OSError(28, "No space left on device")
        return replacing(path)

    monkeypatch.setattr(run_files.saved.atomic, "replacing", full)
    with pytest.raises(MachineError, match=r"could not be written: No space left on device \([0-9,]+ bytes") as caught:
        run()
    (model,) = (tmp_path / "temporary").rglob("model.keras")
    assert str(caught.value).startswith(f"The model is {model}, for out/model.keras could not")
    assert description(model).classes == ("dark", "light")


@pytest.mark.filterwarnings("ignore:The run could not be saved")
def test_a_model_that_has_no_room_anywhere_can_be_written_later(run, monkeypatch, tmp_path):
    (tmp_path / "temporary").mkdir()
    with monkeypatch.context() as patches:
        patches.setattr(run_files.tempfile, "tempdir", str(tmp_path / "temporary"))
        full = OSError(28, "No space left on device")
        patches.setattr(run_files.saved, "save", lambda *arguments: (_ for _ in ()).throw(full))
        with pytest.raises(MachineError, match=r"neither in out nor in .* `kerastricks train --resume out` writes it"):
            run()
    assert list((tmp_path / "temporary").iterdir()) == []
    train(TrainTask(resume="out"))
    assert description("out/model.keras").classes == ("dark", "light")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.slow
def test_a_disk_that_is_full_after_the_model(folder, tmp_path, tiny):
    """The model takes some 40 KB, the report more than 80."""
    code = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))\n"
        "from kerastricks.cli import main; main()"
    )
    words = ("train", "photos", "--model", tiny["colour"], "--epochs", "1", "--batch-size", "8", "--out", "out")
    folders = {"KERASTRICKS_CACHE": str(tmp_path / "cache"), "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "jax")}
    process = command(*words, cwd=tmp_path, code=code, **folders)  # nothing cut off is left where others read
    _, said = process.communicate()
    assert process.returncode == 1
    *_, last = said.splitlines()
    assert re.fullmatch(
        r"kerastricks: The model is out/model\.keras, but its report .*: File too large \([0-9,]+ bytes .*", last
    )
    assert not {"result.json", "report.html"} & {path.name for path in (tmp_path / "out").iterdir()}  # it may go on
    assert zipfile.ZipFile(tmp_path / "out" / "model.keras").testzip() is None


def test_result_json_is_json(run, monkeypatch):
    monkeypatch.setattr(run_files, "figures", lambda judged: {"test_loss": float("nan"), "test_accuracy": 0.5})
    run()

    def no(word):
        raise AssertionError(word)

    result = json.loads(Path("out", "result.json").read_text(), parse_constant=no)
    assert (result["test_loss"], result["test_accuracy"]) == (None, 0.5)
    assert result["notes"] == ["Not finite, and written as null: test_loss."]


@pytest.mark.slow
def test_two_runs_with_one_directory(folder, tmp_path, tiny):
    """The first one waits, when it has its directory, until the second one has ended."""
    (tmp_path / "mine.py").write_text(
        "import pathlib, time\n"
        "import kerastricks as kt\n"
        "while not pathlib.Path('go').exists():\n"
        "    time.sleep(0.01)\n"
        "recipe = kt.Recipe(())\n"
    )
    words = ("train", "photos", "--model", tiny["colour"], "--batch-size", "8", "--out", "out", "--epochs")
    cache = {"KERASTRICKS_CACHE": str(tmp_path / "cache")}
    first = command(*words, "2", "--recipe", "mine.py", cwd=tmp_path, **cache)
    second = command(*words, "1", cwd=tmp_path, code=WHEN_LOCKED, **cache)
    _, said = second.communicate()
    (tmp_path / "go").touch()
    _, complaint = first.communicate()
    assert second.returncode == 2, complaint
    (last,) = said.splitlines()
    assert last.startswith(f"kerastricks: out is in use by process {first.pid}. Wait for its end")
    assert first.returncode == 0, complaint
    assert json.loads((tmp_path / "out" / "result.json").read_text())["epochs"] == 2
    assert not (tmp_path / "out" / ".lock").exists()


@pytest.fixture
def evil(tmp_path):
    """A model that would make the file `executed`, did Keras run the code in it."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Lambda(lambda x: __import__("os").system("touch executed") or x)(inputs)
    keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x))).save(tmp_path / "evil.keras")
    describe(tmp_path / "evil.keras", Description(("dark", "light"), 8))
    Path("executed").unlink(missing_ok=True)
    return "evil.keras"


COMMANDS = {
    "train": lambda run, model: run(model=model),
    "teacher": lambda run, model: run(with_tricks=(f"Distillation:teacher={model}",)),
    "evaluate": lambda run, model: evaluate(EvaluateTask(model, "photos")),
    "predict": lambda run, model: predict(PredictTask(model, ["photos"])),
    "export": lambda run, model: export(ExportTask(model, output_format="saved_model")),
    "ablate": lambda run, model: ablate("photos", model=model, recipe="tutorial", epochs=1, out="out"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("form", ["evil.keras", "model.h5", "model.pkl", "model.pth", "saved"])
def test_no_command_opens_a_model_that_may_be_code(run, tmp_path, evil, monkeypatch, name, form):
    if form == "saved":
        (tmp_path / "saved").mkdir()
        (tmp_path / "saved" / "saved_model.pb").touch()
    monkeypatch.setattr(formats, "route", lambda *_: keras.backend.backend())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError) as caught:
        COMMANDS[name](run, form)
    said, status = explain(caught.value, TrainTask("photos", model=form))
    assert status == 2 and "\n" not in said and form in said
    assert re.search("Python code, as a Lambda|is refused: ", said), said
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("form", ["model.h5", "model.pkl", "model.pth"])
def test_weights_are_no_code_either(run, tiny, form, tmp_path):
    (tmp_path / form).touch()
    with pytest.raises(ValueError, match=f"{form} is refused: "):
        run(model="resnet20", weights=form)
    assert not Path("out").exists()


def test_a_file_in_the_data_is_no_recipe(run, folder, tmp_path, monkeypatch):
    trap = "import pathlib\npathlib.Path(__file__).with_name('executed').touch()\n"
    for place in (folder, tmp_path):
        for name in ("finetune", "recipe", "baseline", "keras_hub", "sitecustomize"):
            (place / f"{name}.py").write_text(trap)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    run(recipe=None)
    monkeypatch.chdir(folder)
    run(recipe="finetune", out="../other", epochs=2)
    evaluate(EvaluateTask("../out", ".", out="../judged"))
    list(predict(PredictTask("../out", ["dark"])))
    assert list(tmp_path.rglob("executed")) == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


NO_NETWORK = """
import socket
def refuse(*given, **_):
    if not isinstance(given[-1], (str, bytes)):  # what has an address is no socket of this machine alone
        open("called", "a").write(f"{given}\\n")
        raise OSError("no network here")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = socket.gethostbyname = refuse
from kerastricks.cli import main
main()
"""


@pytest.mark.slow
def test_nothing_touches_the_network(tmp_path, tiny):
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.zeros((8, 8), "uint8")).save(tmp_path / "pictures" / "0.png")
    for words in (
        ("train", "digits", "--images", "64", "--epochs", "1", "--model", tiny["digits"], "--out", "out"),
        ("evaluate", "out", "digits"),
        ("predict", "out", "pictures"),
    ):
        process = command(*words, cwd=tmp_path, code=NO_NETWORK, KERASTRICKS_CACHE=str(tmp_path / "cache"))
        _, said = process.communicate()
        assert process.returncode == 0, said
    assert not (tmp_path / "called").exists()


@pytest.mark.slow
def test_a_bare_environment_is_enough(tmp_path):
    environment = {"LANG": "C", "TZ": "XYZ-13:37", "KERAS_BACKEND": keras.backend.backend(), "PYTHONPATH": str(ROOT)}
    script = "import sys; sys.argv = ['kerastricks', *sys.argv[1:]]\nfrom kerastricks.cli import main; main()"
    words = ("train", "digits", "--images", "64", "--epochs", "1", "--out", "out")
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words], cwd=tmp_path, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["epochs"] == 1
