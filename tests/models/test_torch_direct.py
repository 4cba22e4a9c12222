import keras
import numpy as np
import pytest
from keras import layers, ops

from kerastricks.models.channels_last import keep_channels_last
from kerastricks.models.fused_batch_norm import fuse_batch_normalization
from kerastricks.models.heads import crossentropy
from kerastricks.models.precision import set_precision
from kerastricks.models.torch_direct import Direct
from kerastricks.training.engine import Engine

ON_TORCH = keras.backend.backend() == "torch"
IMAGES = np.random.default_rng(0).normal(size=(8, 6, 6, 3)).astype("float32")
TARGETS = np.eye(4, dtype="float32")[np.random.default_rng(1).integers(0, 4, 8)]


class Doubled(layers.Layer):
    """A layer of the user's, with layers inside, that reads `training`."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.drop = layers.Dropout(0.5, seed=3)

    def call(self, inputs, training=None):
        return self.drop(inputs, training=training) * (2.0 if training else 1.0)


def residual():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
    shared = layers.BatchNormalization(momentum=0.5)
    x = layers.ReLU()(shared(shared(x)) + x)
    x = layers.Concatenate()([x, ops.relu(x) * 0.5])
    x = layers.GlobalAveragePooling2D()(layers.ZeroPadding2D()(x))
    return keras.Model(inputs, layers.Dense(4)(x))


def nested():
    keras_own = keras.Sequential(
        [keras.Input((6, 6, 3)), layers.Rescaling(2.0), layers.Conv2D(4, 3), layers.BatchNormalization()]
    )
    inputs = keras.Input((6, 6, 3))
    return keras.Model(inputs, layers.Dense(4)(layers.Flatten()(keras_own(inputs))))


def regularized():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, kernel_regularizer=keras.regularizers.L2(0.1))(inputs)
    x = layers.Activation("tanh", activity_regularizer=keras.regularizers.L1(0.1))(x)
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(layers.Flatten()(x)))


def random():
    inputs = keras.Input((6, 6, 3))
    x = Doubled()(layers.Dropout(0.5, seed=1)(inputs))
    return keras.Sequential([inputs, keras.Model(inputs, x), layers.Flatten(), layers.Dense(4)])


def frozen():
    model = residual()
    model.layers[2].trainable = False
    return model


MODELS = {model.__name__: model for model in (residual, nested, regularized, random, frozen)}


def built(build, policy):
    keras.utils.set_random_seed(0)
    model = build()
    fuse_batch_normalization(model)
    keep_channels_last(model)
    set_precision(model, policy)
    return model


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_trains_and_predicts_as_calls_of_the_network(build, policy):
    """Losses, gradients by way of Adam, weights, moving statistics and predictions after three steps: the same."""

    def run(direct):
        engine = Engine(built(build, policy), (), 4)
        assert (engine.direct.steps is not None) == ON_TORCH
        if not direct:
            engine.direct.steps = None
        engine.compile(keras.optimizers.Adam(0.01), crossentropy(engine.network))
        losses = engine.fit(IMAGES, TARGETS, epochs=3, batch_size=8, verbose=0).history["loss"]
        return losses, engine.network.get_weights(), engine.predict(IMAGES, verbose=0), len(engine.network.losses)

    (losses, weights, outputs, added), (again, weights_again, outputs_again, added_again) = run(True), run(False)
    assert losses == pytest.approx(again, rel=1e-6)
    assert outputs == pytest.approx(outputs_again, abs=1e-6)
    assert added == added_again
    if ON_TORCH:  # elsewhere the activity's loss stays inside the traced step
        assert added == (2 if build is regularized else 0)
    for a, b in zip(weights, weights_again, strict=True):
        assert a == pytest.approx(b, abs=1e-6)


@pytest.mark.skipif(not ON_TORCH, reason="elsewhere Keras traces the step")
def test_calls_no_layer_by_way_of_keras(monkeypatch):
    network = built(residual, "mixed_bfloat16")
    direct, called = Direct(network), []
    plain = keras.Layer.__call__
    monkeypatch.setattr(keras.Layer, "__call__", lambda self, *a, **k: called.append(self.name) or plain(self, *a, **k))
    direct(ops.convert_to_tensor(IMAGES), training=True)
    assert called == []
    network(ops.convert_to_tensor(IMAGES), training=True)
    assert len(called) == 9  # the model, and seven layers of which one twice


@pytest.mark.skipif(not ON_TORCH, reason="elsewhere Keras traces the step")
def test_leaves_to_keras_what_needs_it():
    class Own(keras.Model):
        def call(self, inputs, training=None):
            return inputs

    inputs, other = keras.Input((6, 3)), keras.Input((6, 3))
    masked = layers.Dense(2)(layers.Masking()(inputs))
    for network in (
        Own(),
        Own(inputs, layers.Dense(2)(inputs)),
        keras.Model(inputs, masked),
        keras.Model([inputs, other], inputs + other),
        keras.Model(inputs, [inputs + 1, inputs + 2]),
    ):
        assert Direct(network).steps is None


@pytest.mark.skipif(not ON_TORCH, reason="hooks are PyTorch's")
def test_sees_hooks_and_policies_that_come_later():
    network = built(residual, "float32")
    direct, seen = Direct(network), []
    handle = network.layers[1].register_forward_hook(lambda *call: seen.append(call))
    direct(IMAGES, training=False)
    assert len(seen) == 1
    handle.remove()
    set_precision(network, "mixed_bfloat16")
    expected = ops.convert_to_numpy(network(IMAGES, training=False))
    assert np.array_equal(ops.convert_to_numpy(direct(IMAGES, training=False)), expected)


def test_says_what_does_not_fit_as_keras_does():
    with pytest.raises(ValueError, match="incompatible"):
        Direct(built(residual, "float32"))(np.zeros((2, 6, 6, 4), "float32"), training=False)


def pooled(height=6, width=6):
    inner = [keras.Input((height, width, 3)), layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization()]
    inputs = keras.Input((height, width, 3))
    x = keras.Sequential(inner)(inputs)
    x = layers.ReLU()(layers.Conv2D(4, 3, padding="same")(x) + x)
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_takes_images_of_another_size_where_it_may(policy, training):
    """As a network that was built for them, with the same weights."""
    network, other = (built(build, policy) for build in (pooled, lambda: pooled(10, 4)))
    other.set_weights(network.get_weights())
    images = np.random.default_rng(2).normal(size=(8, 10, 4, 3)).astype("float32")
    outputs = Direct(network, any_size=True)(images, training=training)
    assert outputs.dtype == other.output.dtype or str(outputs.dtype).endswith(other.output.dtype)
    found, expected = (
        ops.convert_to_numpy(ops.cast(one, "float32")) for one in (outputs, other(images, training=training))
    )
    assert found == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match="incompatible"):
        Direct(network)(images, training=training)
