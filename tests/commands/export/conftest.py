import json
import os

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from kerastricks.commands.export import formats
from kerastricks.commands.export.export import export
from kerastricks.commands.model_task import ExportTask
from kerastricks.models.saved import Description, describe

CLASSES = ("dark", "garden tiger")


def build(activation=None):
    """A network with the layers that exporters get wrong: it sees how bright the image is, and answers surely."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((10, 8, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x)))
    x = layers.Dense(2, activation=activation)(layers.Flatten()(x))
    model = keras.Model(inputs, x)
    (norm,) = (layer for layer in model.layers if isinstance(layer, layers.BatchNormalization))
    norm.moving_mean.assign([0.1, -0.2, 0.3, 0.0])
    norm.moving_variance.assign([0.5, 0.25, 0.1, 0.2])
    return model


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """The file of such a network, which sees the central 10×8 pixels of squares of 12."""
    path = tmp_path_factory.mktemp("network") / "model.keras"
    build().save(path)
    describe(path, Description(CLASSES, 12, 3, "logits"))
    return path


@pytest.fixture
def run(tmp_path, network):
    """The directory of a run with that model, whose data is gone."""
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "model.keras").write_bytes(network.read_bytes())
    (directory / "run.json").write_text(json.dumps({"data": str(tmp_path / "gone")}))
    return directory


@pytest.fixture
def photos(tmp_path):
    """A folder with two classes of ten noisy images each, one darker than the other; most are no squares."""
    random = np.random.default_rng(0)
    for low, name in zip((0, 128), CLASSES, strict=True):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(10):
            pixels = random.integers(low, low + 128, (14, 14 + index, 3), "uint8")
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    return tmp_path / "photos"


@pytest.fixture
def exported(run):
    """Returns a function that exports the model of the run; its test is skipped where the runtime is not installed."""

    def call(name, **settings):
        try:
            formats.route(name)
        except ValueError as error:
            pytest.skip(str(error))
        settings = {"images": [str(path) for path in settings.pop("images", [])], **settings}
        return export(ExportTask(os.fspath(settings.pop("model", run)), output_format=name, **settings))

    return call
