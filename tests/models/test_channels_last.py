import keras
import numpy as np
import pytest
from keras import layers

from kerastricks.models.channels_last import keep_channels_last
from kerastricks.optimizers.sgd import SGD

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras' own layers stay")
IMAGES = np.random.default_rng(0).normal(size=(4, 9, 8, 16)).astype("float32")

SETTINGS = {
    "plain": {},
    "same": {"padding": "same"},
    "same, stride 2": {"padding": "same", "strides": 2},
    "same, even kernel": {"padding": "same", "kernel_size": (2, 4)},
    "stride 3 beyond the kernel": {"padding": "same", "strides": 3, "kernel_size": 1},
    "dilated": {"padding": "same", "dilation_rate": 2},
    "no bias, activation": {"use_bias": False, "activation": "relu"},
}


def gradients_and_outputs(model):
    """Weights after a step of SGD, and the outputs before it."""
    outputs = model.predict(IMAGES, verbose=0)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(IMAGES, np.ones_like(outputs), batch_size=4, verbose=0)
    return outputs, model.get_weights()


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("kind", ["Conv2D", "grouped", "DepthwiseConv2D"])
def test_computes_and_trains_as_the_stock_layer(kind, settings):
    def build():
        keras.utils.set_random_seed(0)
        options = {"kernel_size": 3, "bias_initializer": "ones", **settings}
        if kind == "DepthwiseConv2D":
            layer = layers.DepthwiseConv2D(depth_multiplier=2, **options)
        else:
            layer = layers.Conv2D(4, groups=2 if kind == "grouped" else 1, **options)
        return keras.Sequential([keras.Input(IMAGES.shape[1:]), layer])

    stock, better = build(), build()
    assert len(keep_channels_last(better)) == 1
    for expected, obtained in zip(gradients_and_outputs(stock), gradients_and_outputs(better), strict=True):
        for a, b in zip(expected, obtained, strict=True):
            assert b == pytest.approx(a, abs=1e-5)


@pytest.mark.parametrize("settings", [{}, {"strides": 1}, {"pool_size": (2, 3), "strides": (3, 2)}], ids=str)
def test_the_largest_of_a_window_is_that_of_the_stock_layer(settings):
    def build():
        keras.utils.set_random_seed(0)
        return keras.Sequential([keras.Input(IMAGES.shape[1:]), layers.Conv2D(4, 2), layers.MaxPooling2D(**settings)])

    stock, better = build(), build()
    assert [layer.name for layer in keep_channels_last(better)] == [layer.name for layer in better.layers]
    for expected, obtained in zip(gradients_and_outputs(stock), gradients_and_outputs(better), strict=True):
        for a, b in zip(expected, obtained, strict=True):
            assert b == pytest.approx(a, abs=1e-5)


def test_padded_poolings_stay():
    model = keras.Sequential([keras.Input(IMAGES.shape[1:]), layers.MaxPooling2D(2, padding="same")])
    assert keep_channels_last(model) == []


def test_copies_nothing_on_pytorch():
    import torch

    (layer,) = keep_channels_last(keras.Sequential([keras.Input((9, 8, 6)), layers.Conv2D(4, 1)]))
    with torch.profiler.profile() as profile:
        layer(torch.ones(4, 9, 8, 6))
    # One copy is of the kernel, which is small.
    assert sum(event.name == "aten::copy_" for event in profile.events()) <= 1
    (pooling,) = keep_channels_last(keras.Sequential([keras.Input((9, 8, 6)), layers.MaxPooling2D(2)]))
    assert pooling(torch.ones(4, 9, 8, 6)).is_contiguous()


def test_is_saved_as_stock_layers_and_leaves_others(tmp_path):
    inputs = keras.Input(IMAGES.shape[1:])
    x = layers.DepthwiseConv2D(3)(layers.Conv2D(6, 3)(inputs))
    model = keras.Model(inputs, layers.SeparableConv2D(3, 2)(x))
    assert keep_channels_last(model) == model.layers[1:3]
    assert keep_channels_last(model) == []
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert len(keep_channels_last(again)) == 2  # they were stock layers
    assert np.array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_kernels_gradients_and_momenta_lie_as_the_convolution_reads_them():
    inputs = keras.Input(IMAGES.shape[1:])
    x = layers.DepthwiseConv2D(3, depth_multiplier=2)(layers.Conv2D(6, 3)(inputs))
    model = keras.Model(inputs, x)
    before = model.get_weights()
    convolution, depthwise = keep_channels_last(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model.compile(SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1), "mse")
    model.fit(IMAGES, model.predict(IMAGES, verbose=0) + 1, batch_size=4, verbose=0)
    model.set_weights(before)
    for layer, order in ((convolution, (3, 0, 1, 2)), (depthwise, (2, 3, 0, 1))):
        momentum = model.optimizer.momentums[model.optimizer._get_variable_index(layer.kernel)]
        for tensor in (layer.kernel.value, layer.kernel.value.grad, momentum.value):
            assert tensor.permute(order).is_contiguous()
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
