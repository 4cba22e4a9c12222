"""Every trick through one table: in use on the backend at hand, frozen, printable, loud where it would do nothing."""

import dataclasses
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks import tricks
from kerastricks.training.trick import HOOKS, overrides
from kerastricks.tricks import efficient


def teacher():
    """The path of a classifier of 8×8 colour images, three classes."""
    path = Path(tempfile.mkdtemp(), "teacher.keras")
    inputs = keras.Input((8, 8, 3))
    keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs))).save(path)
    return str(path)


# name: (a setting in use, the hooks it must have, a way to make it change nothing, what the error says)
TABLE = {
    "AlternatingFlip": (kt.AlternatingFlip(), {"batch"}, "one epoch", "in every other epoch, and the run has one"),
    "BatchNormMomentum": (kt.BatchNormMomentum(), {"model"}, "plain", "would have no effect"),
    "BiasRate": (kt.BiasRate(), {"optimizer"}, {"factor": 1}, "and not 1"),
    "BinaryCrossentropy": (kt.BinaryCrossentropy(), {"loss"}, "softmax", "needs a model that ends in logits"),
    "ColorJitter": (kt.ColorJitter(), {"batch"}, {"brightness": 0, "saturation": 0, "hue": 0}, "would have no effect"),
    "CosineDecay": (kt.CosineDecay(), {"learning_rate"}, {"minimum": 0.1}, "must end below"),
    "CutMix": (kt.CutMix(), {"batch"}, {"off_epochs": 2}, "would have no effect"),
    "Distillation": (kt.Distillation(teacher()), {"auxiliary"}, {"weight": 0}, "must be positive"),
    "EMA": (kt.EMA(0.9), {"averages"}, {"momentum": 1.0}, "must lie between 0 and 1"),
    "EarlyStopping": (kt.EarlyStopping(1), {"callbacks"}, {"patience": 2}, "would have no effect"),
    "Efficient": (kt.Efficient(), {"model"}, "done", "would have no effect"),
    "Freeze": (kt.Freeze(1), {"model", "stages"}, {"epochs": 2}, "would never thaw"),
    "GradientAccumulation": (
        *(kt.GradientAccumulation(2), {"plan", "optimizer"}),
        *({"steps": 1}, "would have no effect"),
    ),
    "GradientClipping": (kt.GradientClipping(0.1), {"optimizer"}, {"norm": float("inf")}, "must be positive"),
    "Hold": (kt.Hold(1), {"learning_rate"}, {}, "would have no effect"),
    "LabelSmoothing": (kt.LabelSmoothing(), {"batch"}, {"amount": 0.0}, "must lie between 0 and 1"),
    "LayerDecay": (kt.LayerDecay(0.5), {"optimizer"}, {"factor": 1.0}, "one of them below 1"),
    "LinearScaling": (kt.LinearScaling(), {"learning_rate"}, {"reference": 8}, "would have no effect"),
    "Lookahead": (kt.Lookahead(2), {"optimizer"}, {"steps": 9}, "would leave the weights as they began"),
    "LowPrecision": (kt.LowPrecision(), {"model", "optimizer"}, "done", "would have no effect"),
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
    "ProgressiveResizing": (
        *(kt.ProgressiveResizing(delay_fraction=0, size_increment=2), {"batch", "stages"}),
        *({"size_increment": 16}, "would have no effect"),
    ),
    "RepeatedAugmentation": (kt.RepeatedAugmentation(2), {"order"}, {"repeats": 1}, "would have no effect"),
    "StepDecay": (kt.StepDecay((1,)), {"learning_rate"}, {"factor": 1}, "positive and not 1"),
    "StochasticDepth": (kt.StochasticDepth(0.5), {"model"}, "plain", "would have no effect"),
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


@pytest.fixture(scope="module")
def bare():
    """The start, and the weights of a run without the trick, by the tricks beside it: one run serves all."""
    return {}


def trained(model, images, *tricks):
    history = kt.Recipe(tricks).fit(model, images, validation_data=images, **RUN)
    assert np.isfinite([history.history[name] for name in ("loss", "val_loss")]).all()
    return model.get_weights()


def differ(one, other):
    return any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", TABLE)
def test_trains(name, model, images, bare):
    """One run with the trick alone: finite, and different from the run without it."""
    start = model.get_weights()
    beside = (kt.CosineDecay(),) if name == "Hold" else ()  # a plateau shows by the decay behind it
    if beside not in bare:
        bare[beside] = start, trained(model, images, *beside)
        model.set_weights(start)
    same_start, without = bare[beside]
    assert not differ(start, same_start)
    changed = differ(trained(model, images, TABLE[name][0], *beside), without)
    # One acts when progress ends, the other beside the weights: see their own tests.
    assert changed or name in ("EarlyStopping", "EMA")


@pytest.mark.parametrize("name", TABLE)
def test_raises_where_it_would_do_nothing(name, model, images):
    """In its settings, or in a recipe, which then has touched neither weights nor precision."""
    trick, _, how, message = TABLE[name]
    settings, run = {}, RUN
    if how == "one epoch":
        run = {**RUN, "epochs": 1}
    elif how == "no decay":
        settings["weight_decay"] = 0
    elif how == "grey and alpha":  # does something to all others
        images = images[0][..., :2], images[1]
    elif how == "done":
        trick.model(model, None)  # all there is to do
    elif isinstance(how, str):
        inputs = keras.Input((8, 8, 3))
        activation = "softmax" if how == "softmax" else None
        model = keras.Model(inputs, keras.layers.Dense(3, activation)(keras.layers.Flatten()(inputs)))
    before = state(model)
    with pytest.raises(ValueError, match=message):
        if isinstance(how, dict):
            trick = dataclasses.replace(trick, **how)
        kt.Recipe((trick,), **settings).fit(model, images, validation_data=images, **run)
    assert all(np.array_equal(a, b) for a, b in zip(before, state(model), strict=True))
    assert not model.compiled


def state(model):
    return [*model.get_weights(), *(layer.compute_dtype for layer in model.layers)]
