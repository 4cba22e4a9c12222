import keras
import numpy as np
import pytest

import kerastricks as kt


def run(optimizer, gradients, exclude=False):
    variable = keras.Variable([1.0, -2.0])
    if exclude:
        optimizer.exclude_from_weight_decay(var_list=[variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return keras.ops.convert_to_numpy(variable)


def reference(gradients, rate, momentum, weight_decay):
    """SGD with Nesterov momentum as PyTorch writes it, in float64."""
    value, buffer = np.array([1.0, -2.0]), np.zeros(2)
    for gradient in gradients:
        gradient = gradient + weight_decay * value
        buffer = momentum * buffer + gradient
        value = value - rate * (gradient + momentum * buffer)
    return value


def test_one_step_by_hand():
    """1 - 0.1 * (0.5 + 0.01 * 1) and -2 - 0.1 * (0 + 0.01 * -2)."""
    value = run(kt.SGD(0.1, weight_decay=0.01), [np.array([0.5, 0.0], "float32")])
    assert value == pytest.approx([0.949, -1.998], abs=1e-6)


def test_follows_pytorch_for_a_hundred_steps():
    gradients = np.random.default_rng(0).normal(size=(100, 2)).astype("float32")
    value = run(kt.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4), gradients)
    assert value == pytest.approx(reference(gradients, 0.1, 0.9, 1e-4), rel=1e-5)


def test_an_excluded_variable_does_not_decay():
    value = run(kt.SGD(0.1, weight_decay=0.5), [np.zeros(2, "float32")], exclude=True)
    assert value.tolist() == [1.0, -2.0]


def test_clips_the_gradient_before_it_decays():
    value = run(kt.SGD(1.0, weight_decay=0.5, clipvalue=0.1), [np.array([9.0, 0.0], "float32")])
    assert value == pytest.approx([1 - (0.1 + 0.5), -2 + 1.0], abs=1e-6)
