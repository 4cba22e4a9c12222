"""Every trick through one table: in use on the backend at hand, frozen, printable, loud where it would do nothing."""

import dataclasses
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks import tricks
from kerastricks.training.trick import overrides
from kerastricks.tricks import efficient

HOOKS = (
    *("updates", "model", "loss", "learning_rate", "optimizer", "batch", "callbacks"),
    *("evaluation", "networks", "added_loss", "averaging"),
)


def teacher():
    """The path of a classifier of 8×8 colour images, three classes."""
    path = Path(tempfile.mkdtemp(), "teacher.keras")
    inputs = keras.Input((8, 8, 3))
    keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs))).save(path)
    return str(path)


# name: (a setting in use, the hooks it must have, a way to make it change nothing, what the error says)
TABLE = {
    "BinaryCrossentropy": (kt.BinaryCrossentropy(), {"loss"}, "softmax", "needs a model that ends in logits"),
    "ColorJitter": (kt.ColorJitter(), {"batch"}, {"brightness": 0, "saturation": 0, "hue": 0}, "would have no effect"),
    "CosineDecay": (kt.CosineDecay(), {"learning_rate"}, {"minimum": 0.1}, "must end below"),
    "CutMix": (kt.CutMix(), {"batch"}, {"off_epochs": 2}, "would have no effect"),
    "Distillation": (
        kt.Distillation(teacher()),
        {"model", "networks", "added_loss"},
        {"weight": 0},
        "must be positive",
    ),
    "EMA": (kt.EMA(0.9), {"averaging"}, {"momentum": 1.0}, "must lie between 0 and 1"),
    "EarlyStopping": (kt.EarlyStopping(1), {"callbacks"}, {"patience": 2}, "would have no effect"),
    "Efficient": (kt.Efficient(), {"model"}, "stock", "would have no effect"),
    "GradientAccumulation": (
        *(kt.GradientAccumulation(2), {"updates", "optimizer"}),
        *({"steps": 1}, "would have no effect"),
    ),
    "GradientClipping": (kt.GradientClipping(0.1), {"optimizer"}, {"norm": float("inf")}, "must be positive"),
    "Hold": (kt.Hold(1), {"learning_rate", "optimizer"}, {}, "would have no effect"),
    "LabelSmoothing": (kt.LabelSmoothing(), {"batch"}, {"amount": 0.0}, "must lie between 0 and 1"),
    "LinearScaling": (kt.LinearScaling(), {"learning_rate"}, {"reference": 8}, "would have no effect"),
    "LowPrecision": (kt.LowPrecision(), {"model", "optimizer"}, "stock", "would have no effect"),
    "MixUp": (kt.MixUp(), {"batch"}, {"off_epochs": 2}, "would have no effect"),
    "NoBiasDecay": (kt.NoBiasDecay(), {"optimizer"}, "no decay", "would have no effect"),
    "PCANoise": (kt.PCANoise(), {"batch"}, {"deviation": 0}, "must be positive"),
    "PolynomialDecay": (kt.PolynomialDecay(), {"learning_rate"}, {"minimum": 0.1}, "must end below"),
    "RandomChoice": (
        *(kt.RandomChoice((kt.MixUp(), kt.CutMix())), {"batch"}),
        *({"tricks": (kt.MixUp(),)}, "would have no effect"),
    ),
    "RandAugment": (kt.RandAugment(), {"batch"}, {"operations": 0}, "at least 1"),
    "RandomCrop": (kt.RandomCrop(), {"batch"}, {"padding": 0}, "at least 1 pixel"),
    "RandomErasing": (kt.RandomErasing(), {"batch"}, {"probability": 0.0}, "must lie in .0, 1."),
    "RandomFlip": (kt.RandomFlip(), {"batch"}, {"probability": 0.0}, "must lie in .0, 1."),
    "RandomResizedCrop": (kt.RandomResizedCrop(8), {"batch", "evaluation"}, {"area": (1.0, 0.5)}, "least first"),
    "StepDecay": (kt.StepDecay((1,)), {"learning_rate"}, {"factor": 1}, "positive and not 1"),
    "TrivialAugment": (kt.TrivialAugment(), {"batch"}, "grey and alpha", "1 or 3 channels"),
    "Warmup": (kt.Warmup(1), {"learning_rate"}, {"epochs": 0.1}, "would have no effect"),
    "ZeroGamma": (kt.ZeroGamma(), {"model"}, "plain", "would have no effect"),
}
RUN = {"epochs": 2, "batch_size": 8, "verbose": 0}


@pytest.fixture(autouse=True)
def has_bfloat16(monkeypatch):
    """Gives `Efficient` something to do whatever the processor."""
    monkeypatch.setattr(efficient, "computes_bfloat16_fast", lambda: True)


def test_the_table_is_complete():
    assert set(TABLE) == {name for name, one in vars(tricks).items() if isinstance(one, type)}


def test_all_hooks_are_in_use():
    assert set().union(*(hooks for _, hooks, _, _ in TABLE.values())) == set(HOOKS)


@pytest.mark.parametrize("name", TABLE)
def test_has_the_hooks_it_names(name):
    trick, hooks, _, _ = TABLE[name]
    assert {hook for hook in HOOKS if overrides(trick, hook)} == hooks
    assert trick.name == name


@pytest.mark.parametrize("name", TABLE)
def test_is_frozen_and_prints_its_settings(name):
    trick = TABLE[name][0]
    assert eval(repr(trick), vars(kt)) == trick
    with pytest.raises(dataclasses.FrozenInstanceError):
        trick.epochs = 1


@pytest.mark.parametrize("name", TABLE)
def test_trains(name, model, images):
    """One run with the trick alone: finite, and different from the run without it."""
    weights = model.get_weights()
    trained = []
    beside = (kt.CosineDecay(),) if name == "Hold" else ()  # a plateau shows by the decay behind it
    for recipe in (kt.Recipe(beside), kt.Recipe((TABLE[name][0], *beside))):
        model.set_weights(weights)
        history = recipe.fit(model, images, validation_data=images, **RUN)
        assert np.isfinite(history.history["loss"]).all()
        trained.append(model.get_weights())
    changed = any(not np.array_equal(a, b) for a, b in zip(*trained, strict=True))
    # One acts when progress ends, the other beside the weights: see their own tests.
    assert changed or name in ("EarlyStopping", "EMA")


@pytest.mark.parametrize("name", TABLE)
def test_raises_where_it_would_do_nothing(name, model, images):
    trick, _, how, message = TABLE[name]
    recipe = kt.Recipe((trick,))
    with pytest.raises(ValueError, match=message):
        if isinstance(how, dict):
            recipe = kt.Recipe((dataclasses.replace(trick, **how),))
        elif how == "no decay":
            recipe = kt.Recipe((trick,), weight_decay=0)
        elif how == "grey and alpha":
            trick.batch(keras.ops.ones((1, 8, 8, 2)), None, operation=[0], amount=[0.0])  # does something to all others
        elif how == "stock":
            trick.model(model, None)  # has done all there is to do
        else:
            inputs = keras.Input((8, 8, 3))
            activation = "softmax" if how == "softmax" else None
            outputs = keras.layers.Dense(3, activation)(keras.layers.Flatten()(inputs))
            model = keras.Model(inputs, outputs)
        recipe.fit(model, images, validation_data=images, **RUN)
