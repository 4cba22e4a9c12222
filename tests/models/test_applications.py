import sys

import keras
import numpy as np
import pytest

from kerastricks import models
from kerastricks.models import applications

CONSTRUCTORS = applications.constructors()
FAMILIES = {constructor.__module__: constructor for constructor in CONSTRUCTORS.values()}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.rpartition(".")[2])
def test_each_family_gets_its_own_preprocessing(family):
    """Shift, scale and order of the channels, as in `preprocess_input`."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("float32")
    images = keras.Input((8, 8, 3))
    graph = keras.Model(images, applications.preprocessing(FAMILIES[family])(images))
    found = keras.ops.convert_to_numpy(graph(pixels))
    assert found == pytest.approx(np.asarray(sys.modules[family].preprocess_input(pixels.copy())), abs=1e-4)


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    """Weights of a MobileNetV2 in the place of the file that Keras downloads; returns the network."""
    source = keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=(96, 96, 3))
    path = tmp_path / "downloaded.weights.h5"
    source.save_weights(path)
    module = sys.modules[keras.applications.MobileNetV2.__module__]
    monkeypatch.setattr(module.file_utils, "get_file", lambda *args, **settings: str(path))
    return source


def test_imagenet_weights_and_a_new_head(downloaded, capsys):
    model = models.build("MobileNetV2", classes=4, input_shape=(96, 96, 3), weights="imagenet")
    assert capsys.readouterr().out == "weights: 260 of 262 tensors from ImageNet (keras.applications); new: head\n"
    pixels = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3)).astype("float32")
    features = keras.Model(model.inputs[0], model.layers[-1].input)
    expected = downloaded(keras.applications.mobilenet_v2.preprocess_input(pixels.copy()))
    assert np.allclose(*(keras.ops.convert_to_numpy(one) for one in (features(pixels), expected)), atol=1e-5)
    assert model.output_shape == (None, 4)


def test_saved_and_loaded_it_is_the_same(downloaded, tmp_path):
    model = models.build("MobileNetV2", classes=4, input_shape=(96, 96, 3), weights="imagenet")
    model.save(tmp_path / "model.keras")
    pixels = np.full((1, 96, 96, 3), 100.0, "float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.allclose(*(keras.ops.convert_to_numpy(one(pixels)) for one in (model, loaded)), atol=1e-5)


def test_without_a_network_it_says_what_to_do(monkeypatch):
    def fail(*args, **settings):
        raise Exception("URL fetch failure on https://example.org: None -- Name or service not known")

    monkeypatch.setattr(sys.modules[keras.applications.VGG16.__module__].file_utils, "get_file", fail)
    with pytest.raises(ValueError, match="VGG16 are not on this machine.*pass --weights FILE, or take --model eff"):
        models.build("VGG16", classes=4, input_shape=(32, 32, 3), weights="imagenet")


def test_refuses_grey_images():
    with pytest.raises(ValueError, match="for colour images, of three channels"):
        models.build("MobileNetV2", classes=4, input_shape=(96, 96, 1), weights="imagenet")
