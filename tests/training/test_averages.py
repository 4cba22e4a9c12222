import keras
import numpy as np
import pytest

from kerastricks.training.averages import Averages


def build(dtype):
    inputs = keras.Input((2,))
    x = keras.layers.Dense(1, use_bias=False, dtype=dtype)(inputs)
    return keras.Model(inputs, keras.layers.BatchNormalization(dtype=dtype)(x))


@pytest.fixture
def network():
    return build("float32")


def fill(network, value):
    network.set_weights([np.full(weight.shape, value, "float32") for weight in network.weights])


def values(variables):
    return [float(np.mean(keras.ops.convert_to_numpy(keras.ops.cast(value, "float32")))) for value in variables]


def test_averages_every_weight_statistics_included(network):
    """Three quarters of 0 and a quarter of 8 are 2; kernel, γ, β, moving mean and variance."""
    fill(network, 0)
    averages = Averages(network, lambda updates: 0.75)
    fill(network, 8)
    averages.update(1)
    assert values(averages.averages) == [2] * 5
    assert values(network.weights) == [8] * 5


def test_the_momentum_may_change_with_the_updates(network):
    """At update 2 of momentum 1 / updates, half of 0 and half of 8; at 4 a quarter of that 4, and three of 8."""
    fill(network, 0)
    averages = Averages(network, lambda updates: 1 / updates)
    fill(network, 8)
    for updates, expected in ((2, 4), (4, 7)):
        averages.update(updates)
        assert values(averages.averages) == [expected] * 5


def test_moves_once_an_update(network):
    """As under gradient accumulation, where an update has several steps: three quarters of 2 and 2 more are 3.5."""
    fill(network, 0)
    averages = Averages(network, lambda updates: 0.75)
    fill(network, 8)
    for updates, expected in ((0, 0), (1, 2), (1, 2), (2, 3.5)):
        averages.update(updates)
        assert values(averages.averages) == [expected] * 5
        assert values(averages.variables) == [*[expected] * 5, updates]


def test_an_average_of_bfloat16_moves():
    """A thousandth of the way from 1 to 2; after 1, the next number in bfloat16 is 1.0078."""
    network = build("bfloat16")
    fill(network, 1)
    averages = Averages(network, lambda updates: 0.999)
    fill(network, 2)
    averages.update(1)
    assert {average.dtype for average in averages.averages} == {"float32"}
    assert values(averages.averages) == pytest.approx([1.001] * 5, abs=1e-6)
    averages.update(2)
    assert values(averages.averages) == pytest.approx([1.001 + 0.000999] * 5, abs=1e-6)
    with averages.swapped():
        assert values(network.weights) == [1] * 5  # the nearest that a weight can be
        assert {weight.dtype for weight in network.weights} == {"bfloat16"}
    assert values(network.weights) == [2] * 5
    assert values(averages.averages) == pytest.approx([1.001 + 0.000999] * 5, abs=1e-6)


def test_lends_the_averages_and_puts_the_weights_back_whatever_happens(network):
    fill(network, 1)
    averages = Averages(network, lambda updates: 0.5)
    fill(network, 3)
    with pytest.raises(KeyboardInterrupt), averages.swapped():
        assert values(network.weights) == [1] * 5
        raise KeyboardInterrupt
    assert values(network.weights) == [3] * 5
    assert values(averages.averages) == [1] * 5
