import json

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.commands.lr_find import find
from kerastricks.commands.lr_find_task import LearningRateTask


@pytest.fixture
def task(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    usual = {"model": tiny["digits"], "batch_size": 64, "steps": 60, "start": 1e-5, "stop": 100.0}
    return lambda **settings: LearningRateTask("digits", **{**usual, **settings})


def test_leaves_a_plot_and_its_figures(task, tmp_path):
    found, directory = find(task(recipe="baseline", seed=3))
    known = json.loads((tmp_path / directory / "lr_find.json").read_text())
    assert known["suggestion"] == found.suggestion and known["rates"] == found.rates
    assert known["recipe_learning_rate"] == 0.1 and known["backend"] == keras.backend.backend()
    assert 1e-5 < found.suggestion < 100 and set(found.others) == {"steepest", "minimum / 10"}
    svg = (tmp_path / directory / "lr_find.svg").read_text()
    assert svg.startswith("<svg") and "valley" in svg
    assert str(found).startswith(f"learning rate {found.suggestion:.2g} (valley; steepest ")


def test_a_loss_that_never_falls_is_told(images):
    """The pixels say nothing, and there are eight of each class."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(3, kernel_initializer="zeros")(keras.layers.Flatten()(inputs)))
    pixels, labels = np.zeros_like(images[0][:24]), images[1][:24]
    with pytest.raises(ValueError, match=r"fell at none of the 40 learning rates from 1e-07 on: it was 1\.099"):
        kt.lr_find(model, (pixels, labels), kt.Recipe(batch_size=24), steps=40)


@pytest.mark.any_backend
def test_rates_out_of_range():
    with pytest.raises(ValueError, match=r"`start` must be positive and below `stop`\. Received: start=2"):
        LearningRateTask("digits", start=2.0, stop=1.0)
