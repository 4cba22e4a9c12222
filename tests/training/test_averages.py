import keras
import numpy as np
import pytest

from kerastricks.training.averages import Averages


@pytest.fixture
def network():
    inputs = keras.Input((2,))
    outputs = keras.layers.BatchNormalization()(keras.layers.Dense(1, use_bias=False)(inputs))
    return keras.Model(inputs, outputs)


def fill(network, value):
    network.set_weights([np.full(weight.shape, value, "float32") for weight in network.weights])


def values(variables):
    return [float(np.mean(keras.ops.convert_to_numpy(variable))) for variable in variables]


def test_averages_every_weight_statistics_included(network):
    """Three quarters of 0 and a quarter of 8 are 2; kernel, γ, β, moving mean and variance."""
    fill(network, 0)
    averages = Averages(network)
    fill(network, 8)
    averages.update(0.75)
    assert values(averages.variables) == [2] * 5
    assert values(network.weights) == [8] * 5


def test_lends_the_averages_and_puts_the_weights_back_whatever_happens(network):
    fill(network, 1)
    averages = Averages(network)
    fill(network, 3)
    with pytest.raises(KeyboardInterrupt), averages.swapped():
        assert values(network.weights) == [1] * 5
        raise KeyboardInterrupt
    assert values(network.weights) == [3] * 5
    assert values(averages.variables) == [1] * 5
