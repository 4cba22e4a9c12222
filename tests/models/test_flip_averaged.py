import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerastricks as kt
from kerastricks.models.heads import gives_logits


def lit(activation=None):
    """Adds up the pixels of 1×2 images, the left one once, the right one ten times, for the second of two classes."""
    inputs = keras.Input((1, 2, 1))
    head = layers.Dense(2, activation=activation)
    model = keras.Model(inputs, head(layers.Flatten()(inputs)), name="lit")
    head.set_weights([np.array([[0.0, 1.0], [0.0, 10.0]]), np.zeros(2)])
    return model


IMAGES = np.array([[1, 0], [2, 3]], "float32").reshape(2, 1, 2, 1)


def test_is_the_mean_of_both_sides():
    """For (1, 0): 1 + 0 and 0 + 10, so 5.5; for (2, 3): 2 + 30 and 3 + 20, so 27.5."""
    outputs = ops.convert_to_numpy(kt.models.flip_averaged(lit())(IMAGES))
    assert outputs.tolist() == [[0, 5.5], [0, 27.5]]


def test_probabilities_are_averaged_as_such():
    """The logistic function of 1 and of 10."""
    outputs = ops.convert_to_numpy(kt.models.flip_averaged(lit("softmax"))(IMAGES[:1]))
    mean = (1 / (1 + np.exp(-1)) + 1 / (1 + np.exp(-10))) / 2
    assert outputs[0] == pytest.approx([1 - mean, mean], abs=1e-6)


def test_looks_at_the_network_as_it_learns():
    model = lit()
    averaged = kt.models.flip_averaged(model)
    model.set_weights([np.array([[0.0, 2.0], [0.0, 0.0]]), np.zeros(2)])
    assert ops.convert_to_numpy(averaged(IMAGES)).tolist() == [[0, 1], [0, 5]]
    assert averaged.weights == model.weights


def test_evaluates_as_the_network_was_compiled(model, images):
    kt.Recipe().fit(model, images, epochs=1, batch_size=8, verbose=0)
    averaged = kt.models.flip_averaged(model)
    loss, accuracy = averaged.evaluate(*images, verbose=0)
    both = [model.predict(side, verbose=0) for side in (images[0], images[0][:, :, ::-1])]
    outputs = np.mean(both, axis=0)
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    assert loss == pytest.approx(-logs[np.arange(26), images[1]].mean(), rel=1e-4)
    assert accuracy == pytest.approx((outputs.argmax(axis=1) == images[1]).mean())
    assert gives_logits(averaged)


@pytest.mark.slow
def test_is_saved_as_plain_keras(model, images, tmp_path):
    kt.Recipe(epochs=1, batch_size=8, learning_rate=0.001).fit(model, images, verbose=0)  # compiles the model, too
    averaged = kt.models.flip_averaged(model)
    averaged.save(tmp_path / "averaged.keras")
    np.save(tmp_path / "images.npy", images[0])
    np.save(tmp_path / "outputs.npy", ops.convert_to_numpy(averaged(images[0].astype("float32"))))
    program = f"""
import sys, keras, numpy as np
model = keras.saving.load_model("{tmp_path}/averaged.keras")
outputs = model.predict(np.load("{tmp_path}/images.npy"), verbose=0)
np.testing.assert_allclose(outputs, np.load("{tmp_path}/outputs.npy"), atol=1e-4)
assert "kerastricks" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_refuses_what_is_no_network_of_images():
    class Subclassed(keras.Model):
        pass

    inputs = keras.Input((4,))
    for model, received in (
        (Subclassed(), "Subclassed without a graph"),
        (keras.Model(inputs, layers.Dense(2)(inputs)), "Functional with input shape .None, 4."),
    ):
        with pytest.raises(ValueError, match=f"Flips are averaged for .* Received: {received}"):
            kt.models.flip_averaged(model)


def loss_of_mine(targets, outputs):
    return keras.losses.sparse_categorical_crossentropy(targets, outputs, from_logits=True)


@pytest.mark.parametrize("settings", [{"loss": loss_of_mine}, {"loss": "mse", "metrics": [loss_of_mine]}])
def test_a_function_of_the_users_must_be_registered(settings):
    model = lit()
    model.compile("sgd", **settings)
    with pytest.raises(
        ValueError, match="'lit' is compiled with a loss or metric of your own.*loss_of_mine.*register_"
    ):
        kt.models.flip_averaged(model)


def test_a_registered_function_is_kept():
    """Outputs of (0, 5.5) and (0, 27.5), both of the first class: a loss of 5.5 and 27.5, and a little."""
    model = lit()
    with keras.saving.custom_object_scope({"loss_of_mine": loss_of_mine}):
        model.compile("sgd", loss=loss_of_mine)
        averaged = kt.models.flip_averaged(model)
    loss = averaged.evaluate(IMAGES, np.zeros(2, "int32"), verbose=0)
    assert loss == pytest.approx((5.5 + np.log1p(np.exp(-5.5)) + 27.5) / 2, rel=1e-4)
