import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt


def test_sets_the_last_norm_of_each_branch_alone(model):
    chosen = kt.zero_gamma(model)
    assert len(chosen) == 2
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            expected = 0 if layer in chosen else 1
            assert keras.ops.convert_to_numpy(layer.gamma).tolist() == [expected] * 4


def test_each_block_then_returns_its_shortcut(model):
    kt.zero_gamma(model)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    for add in (layer for layer in model.layers if isinstance(layer, layers.Add)):
        sides = [keras.ops.convert_to_numpy(side) for side in keras.Model(model.input, add.input)(images)]
        assert sorted(bool(side.any()) for side in sides) == [False, True]


def test_resnet20_has_nine_blocks():
    assert len(kt.zero_gamma(kt.models.build("resnet20", classes=3, input_shape=(8, 8, 1), width=2))) == 9


def test_refuses_a_model_without_branches(setup):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.BatchNormalization()(layers.Conv2D(2, 3)(inputs)), name="plain")
    for refused in (kt.zero_gamma, lambda model: kt.ZeroGamma().check(setup(model=model))):
        with pytest.raises(ValueError, match="no effect: in the model 'plain' no residual branch"):
            refused(model)


def test_refuses_a_model_without_a_graph(setup):
    class Subclassed(keras.Model):
        pass

    for refused in (kt.zero_gamma, lambda model: kt.ZeroGamma().check(setup(model=model))):
        with pytest.raises(ValueError, match="Received: Subclassed, which has none"):
            refused(Subclassed())


def test_the_check_sets_nothing(setup, model):
    kt.ZeroGamma().check(setup())
    gammas = [keras.ops.convert_to_numpy(weight) for weight in model.weights if weight.name == "gamma"]
    assert len(gammas) == 5
    assert all(gamma.all() for gamma in gammas)
