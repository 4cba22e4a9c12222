import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt
from kerastricks.tricks.bias_rate import bias_rates


def chain():
    parts = [keras.Input((8, 8, 3)), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Conv2D(2, 3)]
    last = [layers.BatchNormalization(scale=False), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    return keras.Sequential([*parts, *last])


def test_the_shifts_have_a_rate_of_their_own():
    """Kernel, bias, γ and β; kernel, bias and β; kernel and bias."""
    assert bias_rates(chain(), 64.0) == [1, 1, 1, 64, 1, 1, 64, 1, 1]


def test_frozen_layers_take_no_part():
    model = chain()
    model.layers[1].trainable = False
    assert bias_rates(model, 64.0) == [1, 1, 1, 1, 64, 1, 1]


def test_the_first_step_of_a_shift_is_as_many_times_as_long(images):
    """Plain SGD's first step is the rate times the gradient, which is the same in both runs."""
    keras.utils.set_random_seed(0)
    model = chain()
    start = model.get_weights()
    moved = []
    for tricks in ((), (kt.BiasRate(8.0),)):
        model.set_weights(start)
        before = [keras.ops.convert_to_numpy(variable).copy() for variable in model.trainable_variables]
        recipe = kt.Recipe(tricks, learning_rate=1e-3, weight_decay=0)
        recipe.fit(model, images, epochs=1, batch_size=26, verbose=0)
        after = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
        moved.append([np.abs(now - then).sum() for now, then in zip(after, before, strict=True)])
    for at, rate in ((0, 1), (3, 8), (4, 1), (6, 8), (7, 1)):
        assert moved[1][at] == pytest.approx(rate * moved[0][at], rel=2e-2)


def test_reaches_the_optimizer_under_loss_scaling():
    optimizer = keras.optimizers.LossScaleOptimizer(kt.SGD(1e-3))
    kt.BiasRate().optimizer(optimizer, chain(), None)
    assert optimizer.inner_optimizer.rates == (1, 1, 1, 64, 1, 1, 64, 1, 1)


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("optimizer", keras.optimizers.Lion(), "which kt.SGD, kt.AdamW, kt.Lamb and kt.Muon take. Received: Lion"),
        ("model", keras.Sequential([keras.Input((4,)), layers.Dense(3)]), "has a trainable β"),
        ("model", type("Own", (keras.Model,), {})(), "Received: Own, which has none"),
        ("tricks", (kt.LayerDecay(),), "BiasRate and LayerDecay both set the rates"),
        ("tricks", (kt.Freeze(None),), "would have no effect: Freeze keeps every β as it is. Received: Freeze"),
        ("tricks", (kt.Freeze(1, batch_norm=True),), "would have no effect: Freeze keeps every β as it is"),
    ],
)
def test_refuses(setup, part, value, said):
    with pytest.raises(ValueError, match=said):
        kt.BiasRate().check(setup(**{part: value}))


@pytest.mark.parametrize("factor", [0, 1, -2, float("inf"), float("nan")])
def test_refuses_factors_out_of_range(factor):
    with pytest.raises(ValueError, match="must be above 0, and not 1"):
        kt.BiasRate(factor)
