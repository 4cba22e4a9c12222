import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.models import keras_hub


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A preset of a small ResNet for five classes, whose preprocessor scales to [0, 1]."""
    hub = pytest.importorskip("keras_hub")
    backbone = hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64],
        stackwise_num_blocks=[1],
        stackwise_num_strides=[1],
        block_type="basic_block",
        image_shape=(32, 32, 3),
    )
    converter = hub.layers.ResNetImageConverter(image_size=(32, 32), scale=1 / 255)
    preprocessor = hub.models.ResNetImageClassifierPreprocessor(image_converter=converter)
    classifier = hub.models.ResNetImageClassifier(backbone=backbone, num_classes=5, preprocessor=preprocessor)
    path = tmp_path_factory.mktemp("preset")
    classifier.save_to_preset(str(path))
    return str(path), classifier


def test_gives_what_the_classifier_gives_with_its_preprocessing(preset):
    path, classifier = preset
    model = kt.models.build(path, classes=5, input_shape=(32, 32, 3))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("float32")
    assert keras.ops.convert_to_numpy(model(pixels)) == pytest.approx(classifier.predict(pixels, verbose=0), abs=1e-4)


def test_is_fine_tuned_on_other_classes(preset, capsys):
    path, _ = preset
    model = kt.models.build(path, classes=3, input_shape=(32, 32, 3))
    assert capsys.readouterr().out.endswith("; new: the last layer\n")
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), "uint8")
    recipe = kt.Recipe((kt.Freeze(1), kt.LayerDecay(0.5)), learning_rate=0.01)
    history = recipe.fit(model, (pixels, np.arange(24) % 3), epochs=2, batch_size=8, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_a_classifier_whose_preprocessing_would_be_lost_is_refused(preset):
    """`fit` of KerasHub's own scales the images first; here the graph alone sees them."""
    _, classifier = preset
    images = np.zeros((4, 32, 32, 3), "uint8"), np.arange(4)
    with pytest.raises(ValueError, match="has a preprocessor, which is no part of its graph.*kt.models.build"):
        kt.Recipe().fit(classifier, images, epochs=1)


@pytest.mark.any_backend
def test_names_the_package_that_is_missing(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(keras_hub.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match="is a preset of KerasHub, which is not installed. Run: pip install 'kerastricks.hub.'"
    ):
        kt.models.build(str(tmp_path), classes=3, input_shape=(32, 32, 3))
