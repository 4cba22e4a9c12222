import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kerastricks as kt
from kerastricks.commands import resume
from kerastricks.commands import train as command
from kerastricks.commands.faults import explain
from kerastricks.commands.task import TrainTask
from kerastricks.commands.train import train

# Nine steps are few: statistics lag behind.
pytestmark = pytest.mark.filterwarnings("ignore:Training accuracy")


@pytest.fixture
def folder(tmp_path):
    """Two classes of twelve noisy 8×8 images, one darker than the other."""
    random = np.random.default_rng(0)
    for label, low in (("dark", 0), ("light", 128)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for index in range(12):
            pixels = random.integers(low, low + 128, (8, 8, 3), "uint8")
            Image.fromarray(pixels).save(tmp_path / "data" / label / f"{index}.png")
    return tmp_path / "data"


@pytest.fixture
def run(folder, tmp_path, monkeypatch, tiny):
    monkeypatch.chdir(tmp_path)
    usual = {"model": tiny["colour"], "epochs": 3, "batch_size": 8}
    return lambda **settings: train(TrainTask(str(folder), **{**usual, **settings}))


def history(directory):
    with (directory / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_leaves_a_run_directory(run, tmp_path):
    result = run(out="out", seed=5)
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "run.json",
        "history.csv",
        "result.json",
        "model.keras",
        "report.html",
        "checkpoints",
    }
    saved = json.loads((out / "result.json").read_text())
    assert saved == {key: value for key, value in result.items() if key != "directory"}
    assert set(saved) == {
        *("accuracy", "loss", "epochs", "seconds", "images_per_second", "backend", "model", "recipe", "seed"),
        *("parameters", "accuracy_interval", "balanced_accuracy", "calibration_error"),
    }
    settings = json.loads((out / "run.json").read_text())
    assert (settings["seed"], settings["batch_size"], settings["classes"]) == (5, 8, ["dark", "light"])
    assert {"python", "keras"} <= set(settings["versions"])
    assert settings["command"].startswith("kerastricks train ")
    rows = history(out)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert all(float(row["learning_rate"]) > 0 for row in rows)
    assert float(rows[-1]["val_accuracy"]) == pytest.approx(saved["accuracy"])


def test_the_report_judges_the_validation_images(run, tmp_path):
    result = run(out="out")
    html = (tmp_path / "out" / "report.html").read_text()
    assert html.count("<svg") == 7
    matrix = html[html.index("are taken for") :].partition("</svg>")[0]
    assert sum(map(int, re.findall(r">(\d+)</text>", matrix))) == 4  # a fifth of each class, two of its twelve images
    mistakes = re.findall(r"<figcaption>said (\w+) \d+ %, is (\w+)</figcaption>", html)
    assert len(mistakes) == round(4 * (1 - result["accuracy"]))
    assert all(said != label for said, label in mistakes)


@pytest.mark.slow
def test_a_stranger_opens_the_model(run, tmp_path, monkeypatch):
    """The real network, trained with all that `--efficient` can do: plain Keras opens it, in float32, and agrees."""
    monkeypatch.setattr("kerastricks.tricks.efficient.computes_bfloat16_fast", lambda: True)
    run(out="out", model="resnet20", efficient=True, without=["Warmup"], epochs=1)
    code = (
        "import sys\nsys.modules['kerastricks'] = None\n"  # as if it were not installed
        "import keras, numpy as np\n"
        "model = keras.saving.load_model('out/model.keras')\n"
        "policies = {layer.dtype_policy.name for layer in model.layers}\n"
        "modules = {type(layer).__module__.partition('.')[0] for layer in model.layers}\n"
        "images = np.arange(3 * 192).reshape(3, 8, 8, 3) % 256\n"
        "print(policies, modules, model.predict(images, verbose=0).tolist(), sep='|')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    policies, modules, scores = done.stdout.strip().split("|")
    assert (policies, modules) == ("{'float32'}", "{'keras'}")
    model = keras.saving.load_model(tmp_path / "out" / "model.keras")
    images = np.arange(3 * 192).reshape(3, 8, 8, 3) % 256
    assert np.array(json.loads(scores)) == pytest.approx(model.predict(images, verbose=0), abs=1e-4)


def test_numbers_its_directories(run):
    assert [run(epochs=3)["directory"] for _ in range(2)] == ["runs/data-1", "runs/data-2"]


def test_one_seed_gives_one_result(run):
    first, second, other = (run(seed=seed)["loss"] for seed in (1, 1, 2))
    assert first == second != other


def test_settings_reach_the_recipe(run, tmp_path):
    run(out="out", recipe="baseline", learning_rate=0.01)
    rows = history(tmp_path / "out")
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx([0.01] * 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "resnet20x"}, "Did you mean resnet20"),
        ({"recipe": "tutoria"}, "Did you mean tutorial"),
        ({"without": ["MixUpp"]}, "Did you mean MixUp"),
        ({"with_tricks": ["MixUpp"]}, "Did you mean MixUp"),
        ({"optimizer": "adamx"}, "Did you mean Adamax"),
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"cache_size": -1.0}, "`cache_size` must be at least 0"),
        ({"backend": "another"}, "already. Received: backend='another'. Set KERAS_BACKEND=another"),
        ({"learning_rate": -1.0}, "must be a positive number. Received: -1.0"),
        ({"recipe": "tutorial", "batch_size": 256}, "LinearScaling would have no effect"),
        ({"model": "resnet20", "image_size": 4}, "8×8 pixels and up"),
    ],
)
def test_bad_input_writes_nothing(run, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        run(out="out", **settings)
    assert not (tmp_path / "out").exists()


def test_the_report_shows_the_run_and_not_the_recipe(run, tmp_path):
    (tmp_path / "mine.py").write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.MixUp(0.2),), epochs=99)\n")
    run(out="out", recipe=str(tmp_path / "mine.py"), epochs=2, learning_rate=0.25)
    html = (tmp_path / "out" / "report.html").read_text()
    rows = dict(re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", html))
    assert {name: rows[name] for name in ("epochs", "batch_size", "learning_rate", "weight_decay")} == {
        "epochs": "2",
        "batch_size": "8",
        "learning_rate": "0.25",
        "weight_decay": "0.0001",
    }
    assert rows["tricks"].startswith("MixUp(") and "epochs=99" not in html


def test_what_cannot_be_written_is_said_before_data_is_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr("kerastricks.commands.train.prepare", lambda *_: pytest.fail("data was read"))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"Nothing can be written in file/below: Not a directory. .* --out"):
        run(out="file/below")
    with pytest.raises(ValueError, match="The memory is too small for 1 images of 3000000×3000000 pixels in a batch"):
        run(out="out", image_size=3_000_000)


def test_a_run_that_is_stopped_says_what_is_left(run, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import keras, dataclasses\nimport kerastricks as kt\n"
        "class Stop(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None): raise KeyboardInterrupt\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Stops(kt.Trick):\n"
        "    def callbacks(self, callbacks, plan): return [*callbacks, Stop()]\n"
        "recipe = kt.Recipe((Stops(),))\n"
    )
    with pytest.raises(KeyboardInterrupt, match="no model was written; out holds run.json"):
        run(out="out", recipe=str(tmp_path / "mine.py"))


def test_writes_event_files_if_asked(run, tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    run(out="out", tensorboard=True, epochs=1)
    assert len(list((tmp_path / "out" / "tensorboard").glob("events.*"))) == 1
    monkeypatch.setattr("kerastricks.commands.train.prepare", lambda *_: pytest.fail("data was read"))
    monkeypatch.setattr("kerastricks.training.callbacks.tensorboard.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"tensorboardX.* is not installed. .*kerastricks\[tensorboard\]"):
        run(out="other", tensorboard=True)


def test_refuses_a_directory_that_holds_a_run(run, tmp_path):
    run(out="out")
    before = (tmp_path / "out" / "result.json").read_text()
    with pytest.raises(ValueError, match="out holds a run. Pass another directory"):
        run(out="out")
    assert (tmp_path / "out" / "result.json").read_text() == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="file is a file"):
        run(out="file")


def test_saves_the_averaged_weights_too(run, tmp_path):
    (tmp_path / "mine.py").write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.EMA(0.9),))\n")
    result = run(recipe=str(tmp_path / "mine.py"), images=16)
    raw, averaged = (
        keras.saving.load_model(f"{result['directory']}/{name}.keras") for name in ("model", "model_averaged")
    )
    assert not np.array_equal(raw.get_weights()[0], averaged.get_weights()[0])
    assert 0 <= result["averaged_accuracy"] <= 1
    assert json.loads((tmp_path / result["directory"] / "run.json").read_text())["train_images"] == 16


def test_trains_on_crops_and_saves_a_model_of_their_size(run, tmp_path):
    (tmp_path / "mine.py").write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.RandomResizedCrop(12),))\n")
    result = run(recipe=str(tmp_path / "mine.py"), image_size=16, model="resnet20", epochs=1)
    assert keras.saving.load_model(f"{result['directory']}/model.keras").input_shape == (None, 12, 12, 3)


def test_a_recipe_that_nobody_asked_for_leaves_out_what_does_not_apply(run, tmp_path, capsys):
    """An epoch of one step at the batch size that rates are scaled from: no warmup, no scaling, a line for each."""
    run(out="out", epochs=1, batch_size=256)
    said = capsys.readouterr().out
    assert "the recipe is for 30 epochs; its durations for 1: Warmup epochs=0.0667" in said
    assert "left out: LinearScaling would have no effect: the batch size is the reference." in said
    assert "left out: Warmup is longer than the run" in said
    settings = json.loads((tmp_path / "out" / "run.json").read_text())
    assert settings["recipe"] == "tutorial"
    assert not any(trick.startswith(("Warmup", "LinearScaling")) for trick in settings["tricks"])
    assert len([note for note in settings["notes"] if note.startswith("left out")]) == 2


def test_says_what_it_takes_before_it_trains(run, capsys):
    run(out="out", seed=1)
    said = capsys.readouterr().out
    assert "data: 2 classes (dark, light), 20 images of 8×8×3 to train on, 4 to validate (a fifth of the images" in said
    assert "recipe tutorial, 7 tricks; 3 epochs of 3 steps, batch 8; on " in said
    assert said.index("2 classes") < said.index("epoch 1/3")


def test_a_loss_that_is_no_number_ends_with_status_3_and_names_the_files(run, tmp_path):
    with pytest.raises(kt.Diverged) as caught:
        run(out="out", learning_rate=1e30, epochs=2)
    said, status = explain(caught.value)
    assert status == 3 and "\n" not in said
    assert re.match(r"The loss is no number in batch \d of the run, in epoch 1, at a learning rate of ", said)
    assert "The batch is of " in said and "the last good state is in out/checkpoints" in said
    known = json.loads((tmp_path / "out" / "diverged.json").read_text())
    assert known["step"] == caught.value.step and len(known["files"]) == len(known["samples"]) == 8
    assert all(Path(file).is_file() for file in known["files"])
    assert not (tmp_path / "out" / "result.json").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_a_signal_stops_goes_on_by_its_directory_alone(run, tmp_path, monkeypatch, number, status):
    whole = run(out="whole", epochs=3, seed=1)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1 and self.model.optimizer.iterations > 2:
                os.kill(os.getpid(), number)

    original = command.fit
    with monkeypatch.context() as patches, pytest.raises((KeyboardInterrupt, SystemExit)) as caught:
        patches.setattr(command, "fit", lambda prepared, calls, kept: original(prepared, [*calls, Stop()], kept))
        run(out="out", epochs=3, seed=1)
    said, code = explain(caught.value)
    assert code == status
    assert said.endswith("; `kerastricks train --resume out` goes on") and "the run is saved in out/checkpoints" in said
    with pytest.raises(ValueError, match=r"out holds a run that is not finished.* `kerastricks train --resume out`"):
        run(out="out", epochs=3, seed=1)
    task = TrainTask(resume="out")
    with pytest.raises(ValueError, match="is a run with other settings: seed: 1 then, 2 now"):
        train(TrainTask(resume="out", seed=2))
    with pytest.raises(ValueError, match="is a run with other settings: seed: 1 then, 0 now"):
        resume.settled(TrainTask(resume="out"), ["train", "--resume", "out", "--seed", "0"])
    with pytest.raises(ValueError, match="A run goes on in its own directory, out. Leave --out out"):
        train(TrainTask(resume="out", out="other"))
    asked = json.loads(Path("out", "run.json").read_text())["asked"]
    result = train(task)
    times = ("seconds", "images_per_second", "directory")
    assert {key: value for key, value in result.items() if key not in times} == {
        key: value for key, value in whole.items() if key not in times
    }
    weights = [keras.saving.load_model(f"{out}/model.keras").get_weights() for out in ("whole", "out")]
    assert all(np.array_equal(*pair) for pair in zip(*weights, strict=True))
    assert train(task) == result  # nothing is left to do
    assert json.loads(Path("out", "run.json").read_text())["asked"] == asked


def test_the_newest_unfinished_run_of_the_same_command_is_told_and_taken(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = TrainTask("digits", epochs=3)
    for name, task in {"old": asked, "new": asked, "other": TrainTask("digits", epochs=3, seed=1)}.items():
        directory = tmp_path / "runs" / name
        (directory / "checkpoints").mkdir(parents=True)
        (directory / "run.json").write_text(
            json.dumps({"asked": resume.asked(task), "data_path": None, "backend": "x"})
        )
        os.utime(directory / "run.json", (len(name), {"old": 1, "new": 2, "other": 3}[name]))
    assert resume.unfinished_like(asked) == Path("runs/new")
    assert resume.settled(TrainTask("digits", epochs=3, resume="")).resume == "runs/new"
    (tmp_path / "runs" / "new" / "result.json").write_text("{}")
    assert resume.unfinished_like(asked) == Path("runs/old")
    with pytest.raises(ValueError, match="No run of this command is unfinished in runs/"):
        resume.settled(TrainTask("digits", epochs=4, seed=7, resume=""))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "--resume", "runs/a"], ["train", "--resume", "runs/a"]),
        (["train", "photos", "--resume"], ["train", "photos", "--resume="]),
        (["train", "photos", "--resume", "--seed", "3"], ["train", "photos", "--resume=", "--seed", "3"]),
        ([], []),
    ],
)
def test_resume_may_have_no_value(words, expected):
    assert resume.with_value(words) == expected


def test_there_must_be_data():
    with pytest.raises(ValueError, match=r"There is no data\. Pass `digits`, a folder"):
        train(TrainTask())
    with pytest.raises(ValueError, match="nowhere holds no run: there is no run.json in it"):
        train(TrainTask(resume="nowhere"))
