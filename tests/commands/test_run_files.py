import json
import re

import numpy as np
import pytest
from PIL import Image

from kerastricks.commands import run_files
from kerastricks.commands.evaluate import evaluate
from kerastricks.commands.model_task import EvaluateTask, PredictTask
from kerastricks.commands.predict import predict
from kerastricks.commands.task import TrainTask
from kerastricks.commands.train import train
from kerastricks.models import Description, description

# Three steps are few: statistics lag behind.
pytestmark = pytest.mark.filterwarnings("ignore:Training accuracy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of noisy 8×8 images, one darker than the other, in three splits."""
    random, root = np.random.default_rng(0), tmp_path_factory.mktemp("data")
    for split, count in (("train", 12), ("val", 4), ("test", 6)):
        for label, low in (("dark", 0), ("light", 128)):
            (root / split / label).mkdir(parents=True)
            for index in range(count - (label == "light")):
                pixels = random.integers(low, low + 128, (8, 8, 3), "uint8")
                Image.fromarray(pixels).save(root / split / label / f"{index}.png")
    return root


@pytest.fixture
def run(folder, tmp_path, monkeypatch, tiny):
    monkeypatch.chdir(tmp_path)
    usual = {"model": tiny["colour"], "epochs": 1, "batch_size": 8, "recipe": "baseline", "out": "out"}
    return lambda **settings: train(TrainTask(str(folder), **{**usual, **settings}))


def test_the_test_images_are_judged_in_the_end(run, folder, tmp_path):
    result = run()
    saved = json.loads((tmp_path / "out" / "result.json").read_text())
    low, high = saved["test_accuracy_interval"]
    assert low <= saved["test_accuracy"] <= high
    assert {"test_loss", "test_balanced_accuracy", "accuracy_interval", "balanced_accuracy"} <= set(saved)
    html = (tmp_path / "out" / "report.html").read_text()
    assert html.index("about the 11 test images") < html.index("about the 7 validation images")
    assert f"{100 * result['test_accuracy']:.2f} % of the test images right" in html
    counts = html[html.index("Training images of each class") :].partition("</svg>")[0]
    assert [int(count) for count in re.findall(r">(1[12])</text>", counts)][-2:] == [12, 11]


def test_evaluate_and_predict_find_what_training_found(run, folder):
    result = run()
    again = evaluate(EvaluateTask("out", str(folder)))
    figures = again["models"]["model.keras"]
    assert again["split"] == "test"
    assert figures["accuracy"] == pytest.approx(result["test_accuracy"])
    assert figures["loss"] == pytest.approx(result["test_loss"], abs=1e-5)
    rows = predict(PredictTask("out", [str(folder / "test")]))
    right = [f"/{row['label']}/" in row["path"] for row in rows]
    assert (len(right), np.mean(right)) == (11, pytest.approx(result["test_accuracy"]))


def test_both_models_say_what_they_are_for(run, folder, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import kerastricks as kt\nrecipe = kt.Recipe((kt.EMA(0.9), kt.BinaryCrossentropy()))\n"
    )
    run(recipe=str(tmp_path / "mine.py"))
    told = Description(("dark", "light"), 8, 3, "sigmoid")
    assert [description(f"out/{name}.keras") for name in ("model", "model_averaged")] == [told, told]
    assert list(evaluate(EvaluateTask("out", str(folder)))["models"]) == ["model.keras", "model_averaged.keras"]


def test_crops_are_described_by_the_size_of_the_decoded_square(run, folder, tmp_path):
    (tmp_path / "mine.py").write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.RandomResizedCrop(8),))\n")
    result = run(recipe=str(tmp_path / "mine.py"), image_size=10)
    assert description("out/model.keras").image_size == 10
    figures = evaluate(EvaluateTask("out", str(folder)))["models"]["model.keras"]
    assert figures["loss"] == pytest.approx(result["test_loss"], abs=1e-5)


def test_a_model_whose_answers_are_not_numbers_is_written_all_the_same(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run_files, "probabilities", lambda answers, output: np.full_like(answers, np.nan))
    result = run()
    assert "test_accuracy" not in result and "accuracy" in result
    html = (tmp_path / "out" / "report.html").read_text()
    assert html.count("The model's answers are not numbers") == 2
