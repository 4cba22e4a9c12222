from pathlib import Path

import pytest

import kerastricks as kt
from kerastricks.optimizers.schedules import LearningRate
from kerastricks.recipes import MODULES, NAMES, describe
from kerastricks.recipes import choose as recipes

pytestmark = pytest.mark.any_backend


def test_every_shipped_recipe_loads():
    assert len(NAMES) == 30
    for name in NAMES:
        assert recipes.find(name).optimizer is not None
        assert describe(name).partition("\n")[0].endswith(".")


def test_the_folder_holds_what_the_list_says():
    folder = Path(kt.recipes.__file__).parent
    assert set(MODULES) == {path.stem for path in folder.glob("[!_]*.py")} - {
        "choose",
        "paper",
        "resnet_strikes_back",
        "spoken",
    }


PAPER = {
    # family: (size of the crop, γ set to zero, the paper's figures from `efficient` on, table 6)
    "resnet50d": (224, True, ["77.16", "77.91", "78.31", "78.67", "79.15", "79.29"]),
    "inception_v3": (299, False, ["77.50", "78.19", "78.40", "78.26", "78.77", "78.34"]),
    "mobilenet": (224, False, ["71.90", "72.83", "72.93", "71.97", "73.28", "72.51"]),
}
ROWS = ["efficient", "cosine", "smoothing", "distillation", "mixup", "mixup_distillation"]


@pytest.mark.parametrize("family", PAPER)
def test_the_rows_of_the_paper(family):
    """Batch 1,024 at rate 0.4, 120 epochs, 200 with mixup; each row quotes its figure and says whose it is."""
    size, zero, figures = PAPER[family]
    images = ["RandomResizedCrop", "RandomFlip", "ColorJitter", "PCANoise"]
    efficient = [*["ZeroGamma"] * zero, "NoBiasDecay", "LowPrecision"]
    added = {"smoothing": ["LabelSmoothing"], "distillation": ["LabelSmoothing", "Distillation"]}
    added["mixup"] = ["LabelSmoothing", "MixUp"]
    added["mixup_distillation"] = [*added["mixup"], "Distillation"]
    baseline = recipes.find(f"{family}/baseline")
    assert (baseline.names, baseline.batch_size, baseline.epochs) == (["StepDecay", *images], 256, 120)
    for row, figure in zip(ROWS, figures, strict=True):
        recipe = recipes.find(f"{family}/{row}")
        decay = "StepDecay" if row == "efficient" else "CosineDecay"
        assert recipe.names == ["LinearScaling", "Warmup", decay, *images, *efficient, *added.get(row, [])]
        plan = kt.Plan(recipe.epochs, 1252, recipe.batch_size)
        start = LearningRate(recipe.learning_rate)
        assert recipe.tricks[0].learning_rate(start, plan).value == pytest.approx(0.4)
        assert (recipe.epochs, recipe.weight_decay) == (200 if "mixup" in row else 120, 1e-4)
        assert recipe.image_shape((400, 400, 3)) == (size, size, 3)
        page = describe(f"{family}/{row}")
        assert f"{figure} % top-1" in page
        assert "not measured here" in page


def test_names_the_nearest():
    with pytest.raises(ValueError, match="Unknown recipe 'tutrial'. Did you mean tutorial"):
        recipes.find("tutrial")


def test_reads_a_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.Warmup(1),))\n")
    assert recipes.find(str(path)).names == ["Warmup"]


def test_a_file_that_raises_shows_its_own_traceback(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.Warmup(-1),))\n")
    with pytest.raises(
        ValueError, match=r'mine.py raised:\n  File ".*mine.py", line 2(.|\n)*must be positive'
    ) as caught:
        recipes.find(str(path))
    assert "tricks/warmup.py" not in str(caught.value)


@pytest.mark.parametrize(("text", "received"), [("", "NoneType"), ("recipe = 3", "int")])
def test_a_file_must_hold_a_recipe(tmp_path, text, received):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"must hold `recipe.*Received: {received}"):
        recipes.find(str(path))


def test_refuses_a_file_that_is_not_there():
    with pytest.raises(ValueError, match=r"There is no recipe file none.py"):
        recipes.find("none.py")


def test_a_file_may_hold_tricks_of_its_own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from __future__ import annotations\nimport dataclasses\nimport kerastricks as kt\n\n"
        "@dataclasses.dataclass(frozen=True)\nclass Mine(kt.Trick):\n    amount: float = 1.0\n\n"
        "recipe = kt.Recipe((Mine(), kt.Warmup(1)))\n"
    )
    assert recipes.choose(str(path), ("Warmup",), efficient=True).names == ["Efficient", "Mine"]
