import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.tricks.no_bias_decay import vectors


@pytest.mark.parametrize(
    "make",
    [
        lambda: kt.SGD(0.1, weight_decay=0.5),
        lambda: keras.optimizers.SGD(0.1, weight_decay=0.5),
        lambda: keras.optimizers.AdamW(0.1, weight_decay=0.5),
    ],
)
def test_kernels_alone_decay(model, plan, make):
    """With a zero gradient, one step leaves what does not decay where it was."""
    optimizer = kt.NoBiasDecay().optimizer(make(), model, plan)
    variables = model.trainable_variables
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    optimizer.apply([keras.ops.zeros(variable.shape) for variable in variables], variables)
    for old, variable in zip(before, variables, strict=True):
        moved = np.abs(keras.ops.convert_to_numpy(variable) - old).max() > 0
        assert moved == (len(variable.shape) > 1), variable.path


def test_excludes_biases_gammas_and_betas(model):
    assert {variable.name for variable in vectors(model)} == {"bias", "gamma", "beta"}


@pytest.mark.parametrize("weight_decay", [None, 0.0])
def test_refuses_an_optimizer_without_decay(model, plan, weight_decay):
    with pytest.raises(ValueError, match=r"no weight decay. Received: optimizer=SGD\(weight_decay=(None|0.0)\)"):
        kt.NoBiasDecay().optimizer(kt.SGD(0.1, weight_decay=weight_decay), model, plan)


def test_refuses_a_model_without_vectors(plan):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False)(inputs))
    with pytest.raises(ValueError, match="no trainable biases"):
        kt.NoBiasDecay().optimizer(kt.SGD(0.1, weight_decay=0.1), model, plan)
