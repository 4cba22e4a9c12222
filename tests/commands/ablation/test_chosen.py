import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from kerastricks.commands import prepare
from kerastricks.commands.ablation.ablate import ablate
from kerastricks.commands.ablation.arms import arms
from kerastricks.commands.ablation.chosen import completed
from kerastricks.commands.ablation.jobs import load
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.task import TrainTask
from kerastricks.commands.train import train
from kerastricks.models import pretrained

pytestmark = pytest.mark.any_backend


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Images of two sizes, which are decoded to 256 pixels for `finetune` and to 224 for other recipes."""
    monkeypatch.chdir(tmp_path)
    for place, size in enumerate((80, 90) * 4):
        path = tmp_path / "photos" / "ab"[place % 2] / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((size, 100, 3), 10 * place, "uint8")).save(path)
    monkeypatch.setattr(pretrained, "installed", lambda model: True)
    return "photos"


def test_a_task_that_names_all_stays():
    for against in ((), ("baseline",)):
        task = AblateTask("digits", recipe="cifar", model="resnet20", against=against)
        assert completed(task) == (task, [])


def test_images_choose_the_network_of_a_recipe():
    task = AblateTask("digits", recipe="cifar")
    found, lines = completed(task)
    assert found == dataclasses.replace(task, model="resnet20", default_recipe="cifar")
    assert lines == ["chosen for images of 8 pixels: --model resnet20"]


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        ({}, "--model resnet20 --recipe tutorial"),
        ({"model": "mine.keras"}, "--recipe tutorial"),
        ({"batch_size": 32}, "--model resnet20 --recipe tutorial"),  # LinearScaling sees to it
        (
            {"batch_size": 32, "without": ["LinearScaling"]},
            "--model resnet20 --recipe tutorial --learning-rate 0.025",
        ),
        ({"batch_size": 32, "against": ["baseline"]}, "--model resnet20 --recipe tutorial"),
    ],
)
def test_images_choose_the_recipe(tmp_path, monkeypatch, settings, flags):
    """The rate is that of `train`: 0.1 for batches of 128."""
    monkeypatch.chdir(tmp_path)
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]).save("mine.keras")
    task, lines = completed(AblateTask("digits", **settings))
    assert lines[-1] == f"chosen for images of 8 pixels: {flags}"
    first = next(iter(arms(task).recipes.values()))
    if not task.against:
        assert repr(first) == repr(prepare.recipe(TrainTask("digits", **settings)))


def test_photographs_get_a_network_with_weights(photos):
    task, lines = completed(AblateTask(photos))
    assert lines == ["chosen for images of 256 pixels: --model efficientnet_lite0 --weights imagenet --recipe finetune"]
    assert task.image_size is None and load(task).image_shape == (256, 256, 3)


def test_recipes_that_are_compared_get_images_of_one_size(photos):
    named = AblateTask(photos, recipe="finetune", against=["baseline"], model="efficientnet_lite0", weights="imagenet")
    for asked in (named, AblateTask(photos, against=["baseline"])):
        task, _ = completed(asked)
        found = arms(task)
        sides = [load(found.job(arm, seed=0).task).image_shape[0] for arm in found.recipes]
        assert sides == [256, 256]


def test_an_unknown_recipe_is_said_before_images_are_read(tmp_path):
    (tmp_path / "photos").mkdir()
    settings = {"out": str(tmp_path / "out")}
    for wrong in ({"recipe": "cifr"}, {"against": ["cifr"]}):
        with pytest.raises(ValueError, match="'cifr'. Did you mean cifar"):
            ablate(str(tmp_path / "photos"), **wrong, **settings)
    with pytest.raises(ValueError, match="'cifr'. Did you mean cifar"):
        train(TrainTask(str(tmp_path / "photos"), recipe="cifr", **settings))
