import csv
import json
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

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
    with pytest.raises(KeyboardInterrupt, match="no model was written; out holds history.csv, run.json"):
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
