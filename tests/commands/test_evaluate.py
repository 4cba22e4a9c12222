import json
import re
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from kerastricks.commands.evaluate import evaluate
from kerastricks.commands.model_task import EvaluateTask
from kerastricks.models.saved import Description, describe
from kerastricks.report.evaluation import table


def save(path, threshold=128.0, classes=("dark", "light"), channels=3, weights=None):
    """Tells dark from light: the logits are the mean of the centre's left half, and the threshold."""
    inputs = keras.Input((8, 8, channels))
    head = keras.layers.Dense(2)
    left = keras.layers.Cropping2D(((0, 0), (0, 4)))(inputs)
    network = keras.Model(inputs, head(keras.layers.GlobalAveragePooling2D()(left)))
    told = np.array([[0.0, 1.0]] * channels) / channels if weights is None else weights
    head.set_weights([told, np.array([threshold, 0.0])])
    network.save(path)
    describe(path, Description(classes, 10, channels))


def paint(path, left, right=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((10, 10, 3), left, "uint8")
    pixels[:, 5:] = left if right is None else right
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Of four dark images one is taken for a light one; of two light images none."""
    monkeypatch.chdir(tmp_path)
    for place, level in enumerate((0, 40, 100, 200)):
        paint(tmp_path / "data" / "dark" / f"{place}.png", level)
    for place, level in enumerate((150, 255)):
        paint(tmp_path / "data" / "light" / f"{place}.png", level)
    return "data"


@pytest.fixture
def run(tmp_path):
    """The directory of a run: its averaged model takes all that is brighter than 90 for light."""
    (tmp_path / "run").mkdir()
    save(tmp_path / "run" / "model.keras")
    save(tmp_path / "run" / "model_averaged.keras", 90.0)
    return str(tmp_path / "run")


def test_figures_of_both_models_by_hand(run, folder, tmp_path):
    result = evaluate(EvaluateTask(run, folder, out="out"))
    raw, averaged = result["models"]["model.keras"], result["models"]["model_averaged.keras"]
    assert (raw["accuracy"], averaged["accuracy"]) == (pytest.approx(5 / 6), pytest.approx(4 / 6))
    assert raw["balanced_accuracy"] == pytest.approx((3 / 4 + 1) / 2)
    assert raw["confusion"] == {"dark": {"dark": 3, "light": 1}, "light": {"light": 2}}
    assert raw["classes"][1] == {
        "class": "light",
        "images": 2,
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "f1": pytest.approx(0.8),
    }
    assert [mistake["path"].endswith("dark/3.png") for mistake in raw["mistakes"]] == [True]
    assert raw["mistakes"][0]["said"] == "light" and raw["mistakes"][0]["probability"] == pytest.approx(1)
    assert (result["split"], result["images"], result["image_size"]) == ("all", 6, 10)
    saved = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert saved == {key: value for key, value in result.items() if key != "directory"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["evaluation.html", "evaluation.json"]


@pytest.mark.parametrize("name", ["model.keras", "model_averaged.keras"])
def test_the_averaged_model_stands_beside_the_raw_one_only(run, folder, name):
    models = evaluate(EvaluateTask(f"{run}/{name}", folder))["models"]
    assert len(models) == (2 if name == "model.keras" else 1)


def test_the_table(run, folder):
    lines = table(evaluate(EvaluateTask(run, folder, flips=True))).splitlines()
    assert lines[0] == "data, all: 6 images, 2 classes, at 10 pixels, with flips"
    assert lines[1].split() == ["model.keras", "model_averaged.keras"]
    assert re.fullmatch(r"right, % +83\.33 \(\d+\.\d\d to 100\.00\) +66\.67 \(.*\)", lines[2])
    assert lines[-2] == "worst classes of model.keras: dark 75.0 % of 4, light 100.0 % of 2"


def test_the_page(run, folder, tmp_path):
    evaluate(EvaluateTask(run, folder, out="out"))
    html = (tmp_path / "out" / "evaluation.html").read_text()
    assert "data, all: 83.33 and 66.67 % right" in html
    assert html.count("<svg") == 2 * 3
    assert "<th>model.keras</th><th>model_averaged.keras</th>" in html
    assert "<tr><td>mean over the classes, %</td><td>87.50</td><td>75.00</td></tr>" in html
    assert "dark taken for light: 1 of 4" in html
    assert "<tr><td>light</td><td>2</td><td>66.7</td><td>100.0</td><td>80.0</td></tr>" in html


def test_flips_average_logits(tmp_path, folder):
    """Left half 128 + 2, right half 128 - 4: the logits differ by 2 and by -4, so the mirror image decides: by -1."""
    save(tmp_path / "net.keras")
    shutil.rmtree("data/light")
    shutil.rmtree("data/dark")
    paint(tmp_path / "data" / "dark" / "0.png", 130, 124)
    one, both = (
        evaluate(EvaluateTask("net.keras", folder, flips=flips))["models"]["net.keras"]["loss"]
        for flips in (False, True)
    )
    assert (one, both) == (
        pytest.approx(np.log(1 + np.exp(2)), abs=1e-4),
        pytest.approx(np.log(1 + np.exp(-1)), abs=1e-4),
    )


def test_a_grey_model_sees_files_in_grey(tmp_path, folder):
    save(tmp_path / "grey.keras", channels=1)
    assert evaluate(EvaluateTask("grey.keras", folder))["models"]["grey.keras"]["accuracy"] == pytest.approx(5 / 6)


def test_digits(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny["digits"], "net.keras")
    describe("net.keras", Description(tuple("0123456789"), 8, 1))
    result = evaluate(EvaluateTask("net.keras", "digits"))
    assert (result["split"], result["directory"]) == ("validation", "runs/evaluate-digits-1")
    assert 0 <= result["models"]["net.keras"]["top_5_accuracy"] <= 1
    assert evaluate(EvaluateTask("net.keras", "digits"))["directory"] == "runs/evaluate-digits-2"


@pytest.mark.parametrize(
    ("trained", "judged", "seen"),
    [
        ("data", "data", True),  # without splits, of which a fifth was held out
        ("split", "split/train", True),
        ("split", "split/test", False),
        ("split/train", "split/train", True),
        ("split/train", "split/test", False),
        ("elsewhere", "data", False),
    ],
)
def test_says_where_images_were_trained_on(run, folder, tmp_path, trained, judged, seen):
    for split in ("train", "test"):
        shutil.copytree(tmp_path / "data", tmp_path / "split" / split)
    here, there = (tmp_path / name for name in (judged, trained))
    (tmp_path / "run" / "run.json").write_text(json.dumps({"data_path": str(there)}))
    notes = " ".join(evaluate(EvaluateTask(run, str(here)))["notes"])
    assert ("The model was trained on some of these images" in notes) == seen


def test_images_beyond_the_cache_are_judged_alike(run, folder):
    """Six images of 10×10 pixels take 1,800 bytes."""
    kept = evaluate(EvaluateTask(run, folder, out="kept"))
    with pytest.warns(UserWarning, match="would take 1.8e-06 GB.* decoded again whenever they are needed"):
        again = evaluate(EvaluateTask(run, folder, cache_size=1e-6, out="again"))
    assert again["models"] == kept["models"]
    assert again["command"].endswith("--cache-size 1e-06")


def change(tmp_path, name):
    """Makes what evaluation refuses."""
    if name == "classes":
        save(tmp_path / "run" / "model.keras", classes=("dark", "bright"))
    if name == "more classes":
        save(tmp_path / "run" / "model.keras", classes=("dark", "light", "grey"))
    if name == "no numbers":
        save(tmp_path / "run" / "model.keras", weights=np.full((3, 2), np.nan))
    if name == "no model":
        (tmp_path / "run" / "model.keras").write_text("no model")
    if name == "no run":
        (tmp_path / "run" / "model.keras").unlink()
    if name == "no image":
        (tmp_path / "data" / "dark" / "0.png").write_text("no image")
    if name == "full":
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").touch()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("classes", {}, "must be among those of the model"),
        ("more classes", {}, "has 2 outputs, but 3 class names"),
        ("no numbers", {}, "not numbers for 6 of 6 images"),
        ("no model", {}, "it is no zip archive"),
        ("no run", {}, "holds no model.keras"),
        ("no image", {}, "0.png: it is no image"),
        ("full", {}, "out is not empty. Pass another directory with --out"),
        ("", {"split": "test"}, "has no splits"),
        ("", {"data": "digits"}, "must be among those of the model"),
        ("", {"data": "nowhere"}, "nowhere"),
        ("", {"backend": "another"}, "already. Received: backend='another'"),
        (
            "",
            {"data": "digits", "cache_size": 1.0},
            "`cache_size` is for folders. Received: cache_size=1.0",
        ),
        ("", {"cache_size": -1}, "`cache_size` must be at least 0"),
        ("", {"batch_size": 0}, "`batch_size` must be at least 1"),
        ("", {"seed": -1}, "`seed` must be at least 0"),
    ],
)
def test_bad_input_writes_nothing(run, folder, tmp_path, name, settings, message):
    change(tmp_path, name)
    with pytest.raises(ValueError, match=message):
        evaluate(EvaluateTask(**{"model": run, "data": folder, "out": "out", **settings}))
    assert [path.name for path in tmp_path.glob("out/*")] == (["mine"] if name == "full" else [])
