import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt


def chain():
    parts = [keras.Input((8, 8, 3)), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Conv2D(2, 3)]
    return keras.Sequential([*parts, layers.GlobalAveragePooling2D(), layers.Dense(3)])


def test_each_block_has_half_the_rate_of_the_one_above():
    """Kernel, bias, γ and β of the first; kernel and bias of the second and of the last layer."""
    assert kt.layer_rates(chain(), 0.5) == [0.25] * 4 + [0.5] * 2 + [1.0] * 2


def test_the_backbone_may_be_slower_as_a_whole():
    assert kt.layer_rates(chain(), 0.5, backbone=0.1) == pytest.approx([0.025] * 4 + [0.05] * 2 + [1.0] * 2)
    assert kt.layer_rates(chain(), 1.0, backbone=0.1) == pytest.approx([0.1] * 6 + [1.0] * 2)


def test_frozen_layers_take_no_part():
    model = chain()
    model.layers[0].trainable = False
    assert kt.layer_rates(model, 0.5) == [0.25] * 2 + [0.5] * 2 + [1.0] * 2


@pytest.mark.parametrize("optimizer", [kt.SGD, kt.AdamW])
def test_the_first_step_of_each_block_shrinks_with_its_depth(optimizer, images):
    """AdamW's first step is the rate, whatever the gradient; SGD's is the rate times the gradient."""
    keras.utils.set_random_seed(0)
    model = chain()
    start = model.get_weights()
    moved = []
    for tricks in ((), (kt.LayerDecay(0.5),)):
        model.set_weights(start)
        recipe = kt.Recipe(tricks, optimizer=optimizer, learning_rate=1e-3, weight_decay=0)
        recipe.fit(model, images, epochs=1, batch_size=26, verbose=0)
        trainable = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
        before = [start[at] for at in (0, 1, 2, 3, 6, 7, 8, 9)]
        moved.append([np.abs(now - then).sum() for now, then in zip(trainable, before, strict=True)])
    ratios = [one / whole for whole, one in zip(*moved, strict=True) if whole > 1e-5]
    expected = [rate for whole, rate in zip(moved[0], kt.layer_rates(model, 0.5), strict=True) if whole > 1e-5]
    assert len(expected) >= 6 and ratios == pytest.approx(expected, rel=5e-2)


def test_reaches_the_optimizer_under_loss_scaling():
    model = chain()
    optimizer = keras.optimizers.LossScaleOptimizer(kt.AdamW(1e-3))
    kt.LayerDecay(0.5).optimizer(optimizer, model, None)
    assert optimizer.inner_optimizer.rates == tuple(kt.layer_rates(model, 0.5))


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("optimizer", keras.optimizers.Lion(), "which kt.SGD, kt.AdamW, kt.Lamb and kt.Muon take. Received: Lion"),
        (
            "model",
            keras.Sequential([keras.Input((4,)), layers.Dense(3)]),
            "would have no effect: the model is one block",
        ),
        ("model", type("Own", (keras.Model,), {})(), "Received: Own, which has none"),
    ],
)
def test_refuses(setup, part, value, said):
    with pytest.raises(ValueError, match=said):
        kt.LayerDecay().check(setup(**{part: value}))


@pytest.mark.parametrize("settings", [{"factor": 0}, {"factor": 1}, {"factor": 1.5}, {"backbone": 0}, {"backbone": 2}])
def test_refuses_rates_out_of_range(settings):
    with pytest.raises(ValueError, match="must lie above 0 and at most at 1, and one of them below 1"):
        kt.LayerDecay(**settings)
