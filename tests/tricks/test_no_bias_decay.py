import keras
import numpy as np
import pytest

import kerastricks as kt

OPTIMIZERS = {
    "coupled SGD": lambda: kt.SGD(0.1, weight_decay=0.5),
    "decoupled SGD": lambda: kt.SGD(0.1, weight_decay=0.5, coupled=False),
    "AdamW with the rule": lambda: kt.AdamW(0.1, weight_decay=0.5),
    "Keras' SGD": lambda: keras.optimizers.SGD(0.1, weight_decay=0.5),
    "Keras' AdamW": lambda: keras.optimizers.AdamW(0.1, weight_decay=0.5),
    "loss scaling": lambda: keras.optimizers.LossScaleOptimizer(kt.SGD(0.1, weight_decay=0.5)),
    "loss scaling of Keras' SGD": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.1, weight_decay=0.5)
    ),
}


def moved(optimizer, variables):
    """The paths of the variables that one step with a zero gradient moves: those that decay."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # JAX takes no eager step of the scaling one
    for variable in variables:
        variable.assign(variable + 1.0)  # β and biases start at zero, where decay does not show
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    optimizer.apply([keras.ops.zeros(variable.shape) for variable in variables], variables)
    after = [keras.ops.convert_to_numpy(variable) for variable in variables]
    return {v.path for v, old, new in zip(variables, before, after, strict=True) if not np.array_equal(old, new)}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_kernels_alone_decay(model, plan, name):
    optimizer = kt.NoBiasDecay().optimizer(OPTIMIZERS[name](), model, plan)
    kernels = {variable.path for variable in model.trainable_variables if variable.name == "kernel"}
    assert moved(optimizer, model.trainable_variables) == kernels


@pytest.mark.parametrize("name", ["coupled SGD", "Keras' SGD"])
def test_patterns_and_lists_say_otherwise(model, plan, name):
    variables = model.trainable_variables
    dense = model.layers[-1]
    trick = kt.NoBiasDecay(exclude=(r"(^|/)conv2d[^/]*/kernel",), include=(dense.bias,))
    optimizer = trick.optimizer(OPTIMIZERS[name](), model, plan)
    assert moved(optimizer, variables) == {dense.kernel.path, dense.bias.path}


def test_depthwise_kernels_decay(plan):
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.DepthwiseConv2D(3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    optimizer = kt.NoBiasDecay().optimizer(kt.SGD(0.1, weight_decay=0.5), model, plan)
    assert {path.rsplit("/", 1)[-1] for path in moved(optimizer, model.trainable_variables)} == {"kernel"}
    assert len(model.trainable_variables) == 4


@pytest.mark.parametrize("weight_decay", [None, 0.0])
@pytest.mark.parametrize("optimizer", [kt.SGD, keras.optimizers.SGD], ids=["coupled SGD", "Keras' SGD"])
def test_refuses_an_optimizer_without_decay(setup, optimizer, weight_decay):
    message = rf"no weight decay. Received: optimizer=SGD\(weight_decay={weight_decay}\)"
    with pytest.raises(ValueError, match=message):
        kt.NoBiasDecay().check(setup(optimizer=optimizer(0.1, weight_decay=weight_decay)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_takes_any_optimizer_that_decays(setup, name):
    kt.NoBiasDecay().check(setup(optimizer=OPTIMIZERS[name]()))


def test_refuses_a_model_without_vectors(setup):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False)(inputs))
    with pytest.raises(ValueError, match="no trainable biases"):
        kt.NoBiasDecay().check(setup(model=model))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"exclude": ("no/such/layer",)}, "names no trainable variable of the model. Received: 'no/such/layer'"),
        ({"exclude": ("kernel",)}, "would stop all decay"),
        ({"include": (".",)}, "would have no effect"),
    ],
)
def test_refuses_a_choice_that_does_not_fit(setup, settings, message):
    with pytest.raises(ValueError, match=message):
        kt.NoBiasDecay(**settings).check(setup())
