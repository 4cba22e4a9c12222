import keras
import numpy as np
import pytest

from kerastricks.models.parted_batch_norm import normalizing, part_batch_normalization, part_moments

COLUMN = np.array([0, 2, 10, 12], "float32").reshape(4, 1, 1, 1)


def numpy(value):
    return keras.ops.convert_to_numpy(value)


def test_moments_of_each_half():
    """Of 0 and 2 the mean is 1, of 10 and 12 it is 11; both halves have the variance 1."""
    mean, variance = part_moments(keras.ops.convert_to_tensor(COLUMN), 2)
    assert numpy(mean).tolist() == [[1], [11]] and numpy(variance).tolist() == [[1], [1]]


def made(**settings):
    layer = keras.layers.BatchNormalization(momentum=0.5, epsilon=0.0, **settings)
    model = keras.Sequential([keras.Input((1, 1, 1)), layer])
    part_batch_normalization(layer, 2)
    return model, layer


def test_each_half_is_normalized_by_itself():
    """The moving mean goes halfway from 0 to 6, the mean of 1 and 11; the variance stays 1."""
    model, layer = made()
    assert numpy(model(COLUMN, training=True)).ravel() == pytest.approx([-1, 1, -1, 1], abs=1e-6)
    assert float(numpy(layer.moving_mean)[0]) == pytest.approx(3)
    assert float(numpy(layer.moving_variance)[0]) == pytest.approx(1)


@pytest.mark.parametrize(("training", "images"), [(False, COLUMN), (True, COLUMN[:3])])
def test_evaluation_and_uneven_batches_are_the_stock_layers(training, images):
    model, _ = made()
    stock = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.BatchNormalization(momentum=0.5, epsilon=0.0)])
    assert numpy(model(images, training=training)) == pytest.approx(numpy(stock(images, training=training)), abs=1e-5)


def test_a_frozen_layer_stays():
    model, layer = made()
    layer.trainable = False
    assert numpy(model(COLUMN, training=True)).ravel().tolist() == [0, 2, 10, 12]


def test_finds_layers_with_channels_last():
    model, layer = made()
    other = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.BatchNormalization(axis=1)])
    assert normalizing(model.layers) == [] and normalizing(other.layers) == []  # the first has been changed before
    del layer.call
    assert normalizing(model.layers) == [layer]
