import dataclasses

import pytest

from kerastricks.commands import memory, prepare
from kerastricks.commands.ablation.ablate import ablate
from kerastricks.commands.ablation.arms import arms
from kerastricks.commands.ablation.chosen import completed
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.task import TrainTask
from kerastricks.commands.train import train

pytestmark = pytest.mark.any_backend


def test_a_task_that_names_all_stays():
    task = AblateTask("digits", recipe="cifar", model="resnet20")
    assert completed(task) == (task, [])


def test_images_choose_the_network_of_a_recipe():
    task = AblateTask("digits", recipe="cifar")
    found, lines = completed(task)
    assert found == dataclasses.replace(task, model="resnet20", default_recipe="cifar")
    assert lines == ["chosen for images of 8 pixels: --model resnet20"]


@pytest.mark.parametrize(
    ("settings", "free", "changes"),
    [
        ({"images": 500}, None, {"with_tricks": ("BatchNormMomentum",)}),
        ({"without": ["LinearScaling"], "early_stopping": 3, "optimizer": "AdamW"}, None, {}),
        ({"without": ["LinearScaling"], "batch_size": 32}, None, {"learning_rate": 0.025}),
        ({}, 0.02, {"batch_size": 4}),  # gigabytes
        ({"model": "MLP.keras"}, None, {"without": ("ZeroGamma",)}),
    ],
)
def test_the_whole_recipe_is_what_train_would_take(tmp_path, monkeypatch, settings, free, changes):
    import keras

    monkeypatch.chdir(tmp_path)
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]).save("MLP.keras")
    if free is not None:
        monkeypatch.setattr(memory, "available", lambda: int(free * 1e9))
    trained = prepare.prepare(TrainTask("digits", **settings))
    task, lines = completed(AblateTask("digits", **settings))
    assert repr(prepare.recipe(task)) == repr(trained.recipe)
    assert (task.model, task.weights, task.recipe) == (trained.task.model, trained.task.weights, "tutorial")
    assert lines == list(trained.notes)
    assert {name: getattr(task, name) for name in changes} == changes
    whole = next(iter(arms(task).recipes.values()))
    assert repr(whole) == repr(trained.recipe)


def test_recipes_that_are_compared_keep_their_own_tricks():
    task, _ = completed(AblateTask("digits", against=["baseline"], epochs=2))
    assert (task.recipe, task.without, task.with_tricks) == ("tutorial", (), ())


def test_an_unknown_recipe_is_said_before_images_are_read(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(ValueError, match="'cifr'. Did you mean cifar"):
        ablate(str(tmp_path / "photos"), recipe="cifr", out=str(tmp_path / "out"))
    with pytest.raises(ValueError, match="'cifr'. Did you mean cifar"):
        train(TrainTask(str(tmp_path / "photos"), recipe="cifr", out=str(tmp_path / "out")))
