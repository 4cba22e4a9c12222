"""Files that ask for more than layers and weights, one for each kind of CVE of Keras; none does harm if opened."""

import io
import json
import os
import stat
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from kerastricks.models import Description, archive, build, describe
from kerastricks.models.pretrained import load_file

LAMBDA = "it holds Python code, as a Lambda layer does"


@pytest.fixture
def network():
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2, name="head")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, outputs)


@pytest.fixture
def changed(network, tmp_path):
    """Returns a function: the path of a saved network whose configuration or entries were changed."""

    def make(change=lambda layers: None, entries=lambda archive: None, weights=None):
        network.save(tmp_path / "good.keras")
        with zipfile.ZipFile(tmp_path / "good.keras") as old, zipfile.ZipFile(tmp_path / "evil.keras", "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name == "config.json":
                    config = json.loads(content)
                    change(config["config"]["layers"])
                    content = json.dumps(config)
                if name == "model.weights.h5" and weights is not None:
                    content = weights(io.BytesIO(content))
                new.writestr(name, content)
            entries(new)
        describe_anyway(tmp_path / "evil.keras")
        return tmp_path / "evil.keras"

    return make


def describe_anyway(path):
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("kerastricks.json", json.dumps({"version": 1, "classes": ["a", "b"], "image_size": 8}))


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def activation(module, name):
    return lambda layers: layers[-1]["config"].update(activation=function(module, name))


def layer(module, name, **config):
    """Puts a layer in the place of the second one."""

    def change(layers):
        layers[1].update(module=module, class_name=name, registered_name=None, build_config=None)
        layers[1]["config"] = {"name": layers[1]["config"]["name"], **config}

    return change


def lambda_layer(layers):
    code = keras.layers.Lambda(lambda x: __import__("os").system("touch executed") or x).get_config()["function"]
    layer("keras.layers", "Lambda", function=code)(layers)


CONFIGS = {
    "lambda": (lambda_layer, LAMBDA),
    "lambda elsewhere": (layer("keras.src.layers.core.lambda_layer", "Lambda", function="x"), LAMBDA),
    "os.system": (activation("os", "system"), r"asks for os\.system, which is no layer of Keras"),
    "a class elsewhere": (layer("subprocess", "Popen", args="touch executed"), r"asks for subprocess\.Popen"),
    "registered by name": (layer("os", "system", command="touch executed"), r"asks for os\.system"),
    "unsafe": (activation("keras.config", "enable_unsafe_deserialization"), "asks for keras.config.enable_unsafe"),
    "unsafe as a layer": (
        layer("keras.config", "enable_unsafe_deserialization"),
        "asks for keras.config.enable_unsafe",
    ),
    "download": (activation("keras.utils", "get_file"), r"asks for keras\.utils\.get_file"),
    "a model elsewhere": (activation("keras.saving", "load_model"), r"asks for keras\.saving\.load_model"),
    "a function that Keras allows": (
        activation("keras.utils", "set_random_seed"),
        r"asks for keras\.utils\.set_random",
    ),
    "SavedModel": (layer("keras.layers", "TFSMLayer", filepath="executed"), "as a TFSMLayer layer does"),
    "pickle": (layer("keras.layers", "TorchModuleWrapper", output_shape=[2]), "as a TorchModuleWrapper layer does"),
    "a file as words": (
        layer("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
        "cannot be opened as a Keras model: .*(vocabulary|TensorFlow)",
    ),
    "a layer of nobody": (layer(None, "Backdoor"), "cannot be opened as a Keras model: TypeError: Could not locate"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_what_a_configuration_asks_for_is_refused(changed, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    change, words = CONFIGS[name]
    path = changed(change)
    before = sorted(os.listdir(tmp_path))
    for call in (archive.load, lambda path: build(str(path), classes=2, input_shape=(8, 8, 3))):
        with pytest.raises(ValueError, match=words) as caught:
            call(path)
        assert "\n" not in str(caught.value) and "evil.keras" in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_lambda_is_refused_where_safe_mode_was_turned_off(changed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from keras.src.backend.common import global_state

    monkeypatch.setattr(global_state, "GLOBAL_STATE_TRACKER", type(global_state.GLOBAL_STATE_TRACKER)())
    keras.config.enable_unsafe_deserialization()
    with pytest.raises(ValueError, match=LAMBDA):
        archive.load(changed(lambda_layer))
    assert not Path("executed").exists()


def link(name, target):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return lambda file: file.writestr(entry, target)


ENTRIES = {
    "up": (lambda file: file.writestr("assets/../../outside.txt", "x"), "leads out of the archive"),
    "up on Windows": (lambda file: file.writestr("assets\\..\\..\\outside.txt", "x"), "leads out of the archive"),
    "absolute": (lambda file: file.writestr("/tmp/outside.txt", "x"), "leads out of the archive"),
    "drive": (lambda file: file.writestr("C:/outside.txt", "x"), "leads out of the archive"),
    "link": (link("assets/link", "/etc"), "leads out of the archive"),
    "bomb": (
        lambda file: file.writestr("assets/zeros", bytes(1 << 27), compress_type=zipfile.ZIP_DEFLATED),
        "grows from [0-9,]+ to 134,217,728 bytes",
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_entries_that_leave_the_archive_are_refused(changed, tmp_path, name):
    change, words = ENTRIES[name]
    path = changed(entries=change)
    before = sorted(tmp_path.parent.rglob("*"))
    for call in (archive.load, lambda path: describe(path, Description(("a", "b"), 8))):
        with pytest.raises(ValueError, match=f"evil.keras is refused: .*{words}"):
            call(path)
    assert sorted(tmp_path.parent.rglob("*")) == before


def elsewhere(secret):
    """Weights whose kernel lies in another file, whose bytes Keras would read as numbers."""

    def change(stream):
        with h5py.File(stream, "r+") as file:
            group = file["layers/dense/vars"]
            del group["0"]
            group.create_dataset("0", (192, 2), "float32", external=[(str(secret), 0, 192 * 2 * 4)])
        return stream.getvalue()

    return change


def linked(secret):
    def change(stream):
        with h5py.File(stream, "r+") as file:
            del file["layers/dense/vars/0"]
            file["layers/dense/vars/0"] = h5py.ExternalLink(str(secret), "0")
        return stream.getvalue()

    return change


def vast(shape):
    """Weights that are said to be large, and take no space."""

    def change(stream):
        with h5py.File(stream, "r+") as file:
            del file["layers/dense/vars/0"]
            file["layers/dense/vars"].create_dataset("0", shape, "float32", chunks=(1, 2), compression="gzip")
        return stream.getvalue()

    return change


@pytest.fixture
def secret(tmp_path):
    with h5py.File(tmp_path / "secret.bin", "w") as file:
        file["0"] = np.ones((192, 2), "float32")
    return tmp_path / "secret.bin"


@pytest.mark.parametrize("change", [elsewhere, linked])
def test_weights_in_another_file_are_refused(changed, network, secret, change):
    path = changed(weights=change(secret))
    with pytest.raises(ValueError, match="evil.keras cannot be opened as a Keras model: .*(Not allowed|external)"):
        archive.load(path)
    with pytest.raises(ValueError, match="lie in another file|vars/0 are a link"):
        load_file(network, path)
    with zipfile.ZipFile(path) as file:
        (path.parent / "evil.weights.h5").write_bytes(file.read("model.weights.h5"))
    with pytest.raises(ValueError, match="lie in another file|vars/0 are a link"):
        load_file(network, path.parent / "evil.weights.h5")


def test_weights_that_grow_are_refused(changed, network):
    path = changed(weights=vast((1 << 40, 2)))
    with pytest.raises(ValueError, match="cannot be opened as a Keras model: .*bomb"):
        archive.load(path)
    with pytest.raises(ValueError, match=r"its weights layers/dense/vars/0 grow from 0 to 8,796,093,022,208 bytes"):
        load_file(network, path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.h5", "HDF5, can hold code that runs when it is opened. Open it where you trust it, and save the model"),
        ("MODEL.HDF5", "HDF5"),
        ("model.pkl", "pickle"),
        ("model.pt", "pickle"),
        ("model.pth", "pickle"),
        ("model.weights.h5", "holds weights without a network. Pass it with --weights"),
        ("saved", "a SavedModel is a program"),
    ],
)
def test_other_forms_are_refused_whether_they_are_there_or_not(tmp_path, name, words):
    if name == "saved":
        (tmp_path / "saved").mkdir()
        (tmp_path / "saved" / "saved_model.pb").touch()
    for call in (archive.load, lambda path: build(str(path), classes=2, input_shape=(8, 8, 3))):
        with pytest.raises(ValueError, match=words):
            call(tmp_path / name)


def test_a_pickle_with_another_name_is_no_archive_of_keras(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        file.writestr("archive/data.pkl", b"cos\nsystem\n(S'touch executed'\ntR.")
    with pytest.raises(ValueError, match=r"it holds no config\.json"):
        archive.load(tmp_path / "model.keras")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "", "\xff"])
def test_a_configuration_that_is_damaged(text):
    with pytest.raises(ValueError, match="its configuration is damaged"):
        archive.check_config(text.encode("latin-1"), "x.keras")


def test_the_preset_of_a_directory_is_looked_at(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**function("os", "system"), "config": {}}))
    with pytest.raises(ValueError, match=r"config\.json is refused: it asks for os\.function"):
        build(str(tmp_path), classes=2, input_shape=(8, 8, 3))


def test_networks_of_all_kinds_come_back(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2", padding="same")(inputs)
    x = keras.layers.Activation(keras.ops.relu6)(keras.layers.BatchNormalization(dtype="mixed_float16")(x))
    x = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(0.1)])(x * 2 + 1)
    model = keras.Model(inputs, keras.layers.Dense(2, activation=keras.activations.gelu)(x))
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    again = archive.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(images, verbose=0), model.predict(images, verbose=0))


@keras.saving.register_keras_serializable("test_archive")
class Twice(keras.layers.Layer):
    def call(self, images):
        return images * 2


def test_a_registered_layer_of_the_user_s_is_trusted(tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, Twice()(inputs)).save(tmp_path / "model.keras")
    assert archive.load(tmp_path / "model.keras").predict(np.ones((1, 4)), verbose=0).tolist() == [[2, 2, 2, 2]]
