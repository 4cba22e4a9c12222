import keras
import numpy as np
import pytest
from PIL import Image

from kerastricks.commands.model_images import Fitted, fit, input_shape
from kerastricks.models.saved import Description


def network(*shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs)))


@pytest.mark.parametrize(
    ("shape", "size", "channels", "expected"),
    [
        ((8, 6, 3), 12, 3, (8, 6, 3)),
        ((None, None, 3), 12, 3, (12, 12, 3)),
        ((8, 8, 1), 8, 1, (8, 8, 1)),
    ],
)
def test_the_graph_tells_and_else_the_description(shape, size, channels, expected):
    assert input_shape(network(*shape), Description(("a", "b"), size, channels)) == expected


@pytest.mark.parametrize(("shape", "size"), [((8, 8, 3), 7), ((8, 8, 4), 8)])
def test_refuses_what_no_file_is_decoded_to(shape, size):
    with pytest.raises(ValueError, match=f"of shape .*{shape[2]}.*, and is described for squares of {size} pixels"):
        input_shape(network(*shape), Description(("a", "b"), size, shape[2]))


def test_the_centre():
    images = np.arange(25).reshape(1, 5, 5, 1)
    assert fit(images, (3, 1, 1))[0, :, :, 0].tolist() == [[7], [12], [17]]
    assert fit(images, (3, 1, 1)).dtype == "float32"


def test_grey_is_pillow_s():
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3), "uint8")
    expected = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
    assert np.array_equal(fit(images, (9, 9, 1))[..., 0], expected)


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (1, 7, 8, 3), (1, 8, 7, 3)])
def test_refuses_smaller_images_and_grey_for_colour(shape):
    with pytest.raises(ValueError, match=r"takes images of shape \(8, 8, 3\). .* Received: \(., ., .\)"):
        fit(np.zeros(shape), (8, 8, 3))


def test_images_are_fitted_when_they_are_indexed():
    images = np.arange(8).reshape(2, 1, 4, 1)
    assert Fitted(images, (1, 2, 1))[np.array([1])].ravel().tolist() == [5, 6]
    assert Fitted(images, (1, 2, 1)).shape == (2, 1, 2, 1)
