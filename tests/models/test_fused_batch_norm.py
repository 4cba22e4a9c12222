import keras
import numpy as np
import pytest
from keras import layers

from kerastricks.models.fused_batch_norm import fuse_batch_normalization

pytestmark = pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX keeps Keras' own layer")
IMAGES = np.random.default_rng(0).normal(2, 3, (16, 6, 6, 5)).astype("float32")
TARGETS = np.random.default_rng(1).normal(size=(16, 2)).astype("float32")


def small(policy="float32", **settings):
    """A model with one normalization, from the same weights each time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 5))
    x = layers.BatchNormalization(momentum=0.9, dtype=policy, **settings)(inputs)
    x = layers.Flatten()(layers.ReLU()(x))
    return keras.Model(inputs, layers.Dense(2)(x))


def trained(model, jit_compile):
    model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=jit_compile)
    model.fit(IMAGES, TARGETS, epochs=3, batch_size=8, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("jit_compile", [False, "auto"])
@pytest.mark.parametrize(
    "settings", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}], ids=["default", "no γ", "no β", "ε"]
)
def test_trains_and_predicts_as_the_stock_layer(settings, jit_compile):
    """Weights, moving statistics and outputs after six steps, to rounding."""
    stock, fused = small(**settings), small(**settings)
    assert len(fuse_batch_normalization(fused)) == 1
    trained(stock, jit_compile), trained(fused, jit_compile)
    for a, b in zip(stock.get_weights(), fused.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-5)
    expected, obtained = (model.predict(IMAGES, verbose=0) for model in (stock, fused))
    assert expected == pytest.approx(obtained, abs=1e-4)


def test_keeps_the_biased_variance():
    """One batch of the numbers 0 to 3: mean 1.5, variance 1.25 (the unbiased one would be 1.67)."""
    (layer,) = fuse_batch_normalization(
        keras.Sequential([keras.Input((2, 2, 1)), layers.BatchNormalization(momentum=0.0)])
    )
    layer(np.arange(4, dtype="float32").reshape(1, 2, 2, 1), training=True)
    assert keras.ops.convert_to_numpy(layer.moving_mean) == pytest.approx([1.5])
    assert keras.ops.convert_to_numpy(layer.moving_variance) == pytest.approx([1.25], rel=1e-4)


def test_frozen_it_uses_and_keeps_its_statistics():
    model = small()
    fuse_batch_normalization(model)
    layer = model.layers[1]
    layer.trainable = False
    layer(IMAGES, training=True)
    assert keras.ops.convert_to_numpy(layer.moving_mean).tolist() == [0] * 5


def test_computes_in_bfloat16_with_float32_statistics():
    model = small("mixed_bfloat16")
    fuse_batch_normalization(model)
    layer = model.layers[1]
    outputs = layer(keras.ops.cast(IMAGES, "bfloat16"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert layer.moving_variance.dtype == "float32"
    mean = 0.1 * IMAGES.mean(axis=(0, 1, 2))
    assert keras.ops.convert_to_numpy(layer.moving_mean) == pytest.approx(mean, abs=5e-3)


def test_is_saved_as_the_stock_layer(tmp_path):
    model = small()
    fuse_batch_normalization(model)
    trained(model, False)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[1]) is layers.BatchNormalization
    assert len(fuse_batch_normalization(again)) == 1
    assert again.predict(IMAGES, verbose=0) == pytest.approx(model.predict(IMAGES, verbose=0), abs=1e-4)


def test_changes_what_it_can_and_nothing_else():
    inputs = keras.Input((6, 6, 5))
    inner = keras.Sequential([keras.Input((6, 6, 5)), layers.BatchNormalization(name="nested")])
    x = layers.BatchNormalization(name="first")(inner(inputs))
    x = layers.BatchNormalization(axis=1, name="other axis")(x)
    model = keras.Model(inputs, layers.BatchNormalization(name="rank two")(layers.Flatten()(x)))
    before = model.get_weights()
    assert sorted(layer.name for layer in fuse_batch_normalization(model)) == ["first", "nested"]
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
