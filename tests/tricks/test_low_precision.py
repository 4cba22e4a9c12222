import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.tricks import low_precision

RUN = {"epochs": 2, "batch_size": 8, "verbose": 0}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_layers_compute_in_it_and_keep_float32_where_it_counts(model, images, monkeypatch, dtype):
    monkeypatch.setattr(low_precision, "has_accelerator", lambda: True)
    history = kt.Recipe((kt.LowPrecision(dtype), kt.NoBiasDecay()), learning_rate=0.01).fit(model, images, **RUN)
    assert np.isfinite(history.history["loss"]).all()
    computed = [layer.compute_dtype for layer in model.layers[1:]]
    assert computed == [dtype] * (len(computed) - 1) + ["float32"]  # the last makes the logits
    assert {weight.dtype for weight in model.weights} == {"float32"}
    scaled = isinstance(history.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (dtype == "float16")


def test_an_overflow_skips_the_update(model, plan, monkeypatch):
    monkeypatch.setattr(low_precision, "has_accelerator", lambda: True)
    optimizer = kt.LowPrecision("float16").optimizer(kt.SGD(1.0), model, plan)
    variable = keras.Variable(np.ones(1, "float32"))
    optimizer.build([variable])
    for gradient, expected in ((float("inf"), 1.0), (optimizer.initial_scale / 2, 0.0)):  # the scale halves
        gradients = [keras.ops.array([gradient])]
        if keras.backend.backend() == "jax":  # as its step calls it
            state = [keras.ops.convert_to_tensor(v) for v in optimizer.variables]
            (after,), state = optimizer.stateless_apply(state, gradients, [variable.value])
            for kept, value in zip([variable, *optimizer.variables], [after, *state], strict=True):
                kept.assign(value)
        else:
            optimizer.apply(gradients, [variable])
        assert keras.ops.convert_to_numpy(variable).tolist() == [expected]


def test_float16_needs_an_accelerator(setup, monkeypatch):
    monkeypatch.setattr(low_precision, "has_accelerator", lambda: False)
    kt.LowPrecision().check(setup())
    with pytest.raises(ValueError, match="dtype='float16' on .*. Use 'bfloat16'"):
        kt.LowPrecision("float16").check(setup())


def test_a_second_time_it_has_nothing_to_do(model, plan, setup):
    kt.LowPrecision().model(model, plan)
    with pytest.raises(ValueError, match="no effect: no layer of the model computes in float32"):
        kt.LowPrecision().check(setup())


def test_refuses_a_model_without_a_graph(setup):
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="Received: Subclassed, which has none"):
        kt.LowPrecision().check(setup(model=Subclassed()))


def test_refuses_another_precision():
    with pytest.raises(ValueError, match="Received: dtype='float8'"):
        kt.LowPrecision("float8")
