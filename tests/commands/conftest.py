import keras
import pytest

import kerastricks as kt


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Files of networks of one residual block: commands take seconds with them, not the half minute of a ResNet-20."""

    def save(channels, classes):
        x = inputs = keras.Input((8, 8, channels))
        x = keras.layers.Conv2D(4, 3, padding="same")(keras.layers.Rescaling(1 / 255)(x))
        y = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(x))
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(keras.layers.Add()([x, y])))
        path = folder / f"{channels}-{classes}.keras"
        keras.Model(inputs, keras.layers.Dense(classes)(x)).save(path)
        return str(path)

    folder = tmp_path_factory.mktemp("tiny")
    return {"colour": save(3, 2), "digits": save(1, 10)}


@pytest.fixture
def digits(tmp_path):
    """The digits, small enough to be trained on in a moment."""
    return kt.data.load("digits", images=64)
