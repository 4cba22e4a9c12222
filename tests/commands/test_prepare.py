import dataclasses
import shutil

import keras
import pytest

import kerastricks as kt
from kerastricks.commands import prepare
from kerastricks.commands.task import TrainTask
from kerastricks.optimizers.sgd import nesterov

pytestmark = pytest.mark.any_backend


def test_what_the_task_names_stays_where_the_recipe_is_scaled():
    """The tutorial is for 30 epochs and warms up for two: in 60 four. What was said is not scaled."""
    task = TrainTask("digits", epochs=60, with_tricks=["MixUp:off_epochs=3"], early_stopping=5)
    recipe = prepare.recipe(task)
    tricks = {trick.name: trick for trick in recipe.tricks}
    assert recipe.names == [*prepare.recipe(TrainTask("digits")).names, "EarlyStopping"]
    assert tricks["Warmup"] == kt.Warmup(epochs=4)
    assert tricks["MixUp"] == kt.MixUp(off_epochs=3)
    assert tricks["EarlyStopping"] == kt.EarlyStopping(patience=5)
    assert prepare.recipe_notes(task) == ["the recipe is for 30 epochs; its durations for 60: Warmup epochs=4"]


def test_an_optimizer_takes_the_rates_of_the_recipe_and_a_line_says_so():
    recipe = prepare.recipe(TrainTask("digits", optimizer="adamw"))
    assert (recipe.optimizer, recipe.learning_rate, recipe.weight_decay) == (kt.AdamW, 0.1, 1e-4)
    assert prepare.recipe_notes(TrainTask("digits", optimizer="adamw")) == [
        "AdamW takes the recipe's learning rate, 0.1, and weight decay, 0.0001, which were chosen for nesterov: "
        "--learning-rate sets another"
    ]
    assert prepare.recipe_notes(TrainTask("digits", optimizer="adamw", learning_rate=0.001)) == []
    assert prepare.recipe_notes(TrainTask("digits", optimizer="SGD")) == []
    assert prepare.recipe(TrainTask("digits")).optimizer is nesterov


def test_what_was_asked_for_is_not_left_out(tiny, digits):
    """At the batch size that rates are scaled from, the tutorial loses LinearScaling with a line."""
    task = TrainTask(digits, model=tiny["digits"], epochs=1, batch_size=256)
    assert "LinearScaling" not in prepare.prepare(task).recipe.names
    with pytest.raises(ValueError, match="LinearScaling would have no effect"):
        prepare.prepare(dataclasses.replace(task, with_tricks=["LinearScaling"]))


def test_a_trick_that_the_default_adds_can_be_set(tiny, digits):
    asked = TrainTask(digits, model=tiny["digits"], epochs=2, with_tricks=["BatchNormMomentum:epochs=0.5"])
    names = [trick for trick in prepare.prepare(asked).recipe.tricks if trick.name == "BatchNormMomentum"]
    assert names == [kt.BatchNormMomentum(0.5)]


def test_a_recipe_of_the_callers_takes_tricks_too():
    recipe = kt.Recipe((kt.MixUp(),), optimizer=keras.optimizers.Lion)
    task = TrainTask("digits", recipe=recipe, epochs=2, with_tricks=["MixUp:alpha=1", "Efficient"])
    assert prepare.recipe(task).tricks == (kt.Efficient(), kt.MixUp(1))


def test_a_network_that_has_learned_keeps_its_statistics(tiny, digits, tmp_path):
    path = str(shutil.copy(tiny["digits"], tmp_path))
    task = TrainTask(digits, model=path, epochs=2)
    assert "BatchNormMomentum" in prepare.prepare(task).recipe.names
    kt.models.describe(path, kt.models.Description(tuple("0123456789"), 8, 1))
    prepared = prepare.prepare(task)
    assert prepared.task.recipe_name == "finetune"
    assert "BatchNormMomentum" not in prepared.recipe.names
