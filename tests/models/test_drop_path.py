import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerastricks.models.drop_path import dropping, put_drop_paths, remove_drop_paths
from kerastricks.models.graph import branches
from kerastricks.models.precision import set_precision
from kerastricks.models.torch_direct import Direct

IMAGES = np.random.default_rng(0).normal(size=(64, 6, 6, 3)).astype("float32")


def chain(add, blocks=2):
    """`blocks` residual blocks, each added to its shortcut by `add`, and the global average."""
    x = inputs = keras.Input((6, 6, 3))
    for _ in range(blocks):
        x = add(x, layers.Conv2D(3, 3, padding="same")(layers.Conv2D(3, 3, padding="same")(x)))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


ADDITIONS = {
    "layer": lambda x, branch: layers.Add()([x, branch]),
    "branch first": lambda x, branch: layers.Add()([branch, x]),
    "plus": lambda x, branch: x + branch,
}


def array(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("add", ADDITIONS)
def test_a_branch_is_dropped_whole_for_some_samples_and_scaled_for_the_others(add):
    """One in four is dropped, the others are 4/3 as large: written out by hand, with the masks drawn."""
    model = chain(ADDITIONS[add], 1)
    inside = keras.Model(model.input, [model.layers[2].output, model.layers[-1].input])
    put_drop_paths(model, [0.25], seed=3)
    added, outputs = map(array, inside(IMAGES, training=True))
    keep = np.array([bool((output != image).any()) for output, image in zip(outputs, IMAGES, strict=True)])
    assert 0.55 < keep.mean() < 0.95
    expected = np.where(keep[:, None, None, None], added / np.float32(0.75), np.float32(0)) + IMAGES
    assert outputs == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert np.array_equal(outputs[~keep], IMAGES[~keep])


@pytest.mark.parametrize("add", ADDITIONS)
def test_keeps_the_mean(add):
    """Over 200 draws the mean branch of 64 samples is that without drops, within five deviations."""
    model = chain(ADDITIONS[add], 1)
    whole = array(model(IMAGES, training=False))
    put_drop_paths(model, [0.5], seed=0)
    mean = np.mean([array(model(IMAGES, training=True)) for _ in range(200)], axis=0)
    branch = np.abs(whole - IMAGES.mean(axis=(1, 2)))
    assert (np.abs(mean - whole) <= 5 * branch / np.sqrt(200) + 1e-5).all()


@pytest.mark.parametrize("add", ADDITIONS)
def test_outside_training_nothing_has_changed(add):
    model = chain(ADDITIONS[add])
    before = array(model(IMAGES, training=False))
    put_drop_paths(model, [0.5, 0.5], seed=0)
    assert np.array_equal(array(model(IMAGES)), before)
    assert np.array_equal(array(model(IMAGES, training=False)), before)
    assert not np.array_equal(array(model(IMAGES, training=True)), before)
    remove_drop_paths(model)
    assert np.array_equal(array(model(IMAGES, training=True)), before)
    assert dropping(model) is None
    assert model.variables == model.weights


@pytest.mark.parametrize("add", ADDITIONS)
def test_the_faster_calls_drop_the_same(add):
    model = chain(ADDITIONS[add])
    put_drop_paths(model, [0.25, 0.5], seed=0)
    slow = [array(model(IMAGES, training=training)) for training in (True, True, False)]
    put_drop_paths(model, [0.25, 0.5], seed=0)
    direct = Direct(model)
    fast = [array(direct(IMAGES, training=training)) for training in (True, True, False)]
    assert not np.array_equal(slow[0], slow[1])
    for one, other in zip(slow, fast, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_a_rate_of_0_leaves_a_branch_alone():
    model = chain(ADDITIONS["layer"])
    put_drop_paths(model, [0, 0.5], seed=0)
    assert ["call" in vars(branch.addition) for branch in branches(model)] == [False, True]


@pytest.mark.parametrize("add", ["layer", "plus"])
def test_the_draws_go_on_from_step_to_step_and_are_those_of_the_seed(add):
    """In Keras' own `fit`, compiled: the state of the draws is a variable of the model."""
    losses = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(7)
        model = chain(ADDITIONS[add])
        put_drop_paths(model, [0.5, 0.5], seed)
        model.compile(keras.optimizers.SGD(0.0), "mse")
        history = model.fit(IMAGES, np.zeros((64, 3)), epochs=3, batch_size=64, verbose=0)
        losses.append(history.history["loss"])
        assert array(model.drop_path_generator.state)[1] == 2 * 3
    assert losses[0] == losses[1] != losses[2]
    assert len(set(losses[0])) == 3


def test_the_branch_keeps_its_precision():
    model = chain(ADDITIONS["layer"])
    put_drop_paths(model, [0.5, 0.5], seed=0)
    set_precision(model, "mixed_bfloat16")
    outputs = keras.Model(model.input, branches(model)[0].addition.output)(IMAGES, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"


@pytest.mark.slow
def test_the_file_is_plain_keras(tmp_path):
    """Loaded in a fresh process that knows nothing of this package, it is the same network, and drops nothing."""
    model = chain(ADDITIONS["plus"])
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "outputs.npy", array(model(IMAGES)))
    put_drop_paths(model, [0.5, 0.5], seed=0)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    program = f"""
import sys, warnings
warnings.simplefilter("error", UserWarning)
import keras, numpy as np
model = keras.saving.load_model("{tmp_path}/model.keras")
model.load_weights("{tmp_path}/model.weights.h5")
images, expected = np.load("{tmp_path}/images.npy"), np.load("{tmp_path}/outputs.npy")
for training in (False, True):
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(images, training=training)), expected, atol=1e-6)
assert "kerastricks" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("layer", "drops"),
    [
        (layers.Dropout(0.5, noise_shape=(None, 1, 1, 1)), True),
        (layers.Dropout(0.0, noise_shape=(None, 1, 1, 1)), False),
        (layers.Dropout(0.5, noise_shape=(None, 1, 1, 3)), False),
        (layers.Dropout(0.5), False),
        (layers.SpatialDropout2D(0.5), False),
    ],
)
def test_knows_what_drops_paths(layer, drops):
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(layer(inputs)))
    assert dropping(model) is (layer if drops else None)


def test_knows_a_layer_by_its_name():
    class DropPath(layers.Layer):
        def __init__(self, rate):
            super().__init__()
            self.rate = rate

        def call(self, x):
            return x

    inputs = keras.Input((3,))
    assert dropping(keras.Model(inputs, DropPath(0.1)(inputs))).rate == 0.1
    assert dropping(keras.Model(inputs, DropPath(0.0)(inputs))) is None
