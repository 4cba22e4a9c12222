import itertools

import keras
import numpy as np
import pytest

from kerastricks import models
from kerastricks.models import airbench


def build(**settings):
    return models.build("airbench", **{"classes": 10, "input_shape": (32, 32, 3), **settings})


def weights(model):
    return [keras.ops.convert_to_numpy(variable) for variable in model.weights]


def test_has_the_published_size():
    """3×3 kernels without bias, and β; a last layer without bias. The whitening is frozen."""
    chain = [24, 64, 64, 256, 256, 256, 256]
    kernels = sum(9 * before * after for before, after in itertools.pairwise(chain))
    model = build()
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == kernels + sum(chain[1:]) + 2560
    assert next(v.path for v in model.non_trainable_variables) == "whitening/kernel"
    assert model.get_layer("whitening").output.shape == (None, 31, 31, 24)
    assert [n.momentum for n in model.layers if isinstance(n, keras.layers.BatchNormalization)] == [0.6] * 6


def test_whitens_patches_of_the_covariance():
    """Uncorrelated, and of variance 1 where the eigenvalue is large beside ε = 0.0005; then the same, negative."""
    covariance = np.diag([4.0, 1.0, 0.25] * 4) + 0.1
    kernel = airbench.whitening(covariance).reshape(12, 24)
    assert np.allclose(kernel[:, :12].T @ covariance @ kernel[:, :12], np.eye(12), atol=3e-3)
    assert np.array_equal(kernel[:, 12:], -kernel[:, :12])
    largest = kernel[:, 0] * np.sqrt(np.linalg.eigvalsh(covariance)[-1] + 5e-4)
    assert np.linalg.norm(largest) == pytest.approx(1)


def test_begins_with_the_patches_of_cifar():
    """Scaled patches vary by 1 in each entry, and the kernel is that of the table."""
    lower = np.array([[*row, *[0] * (12 - len(row))] for row in airbench.COVARIANCE])
    covariance = lower + np.tril(lower, -1).T
    assert np.diag(covariance) == pytest.approx(np.ones(12), abs=0.03)
    assert np.linalg.eigvalsh(covariance)[0] > 0
    assert np.allclose(weights(build(width=2))[0], airbench.whitening(covariance))


def test_the_covariance_of_patches_by_hand():
    """One image of 2×3 pixels has two patches: (1, 2, 4, 5) and (2, 3, 5, 6)."""
    image = np.array([[1, 2, 3], [4, 5, 6]]).reshape(1, 2, 3, 1)
    patches = np.array([[1, 2, 4, 5], [2, 3, 5, 6]])
    assert np.array_equal(airbench.patch_covariance(image), patches.T @ patches / 2)


def test_whitens_other_images():
    random = np.random.default_rng(0)
    images = (255 * random.random((8, 16, 16, 3)) ** [1, 2, 4]).astype("uint8")
    model = build(width=2)
    airbench.whiten(model, images)
    whitening = keras.Model(model.inputs[0], model.get_layer("whitening").output)
    found = keras.ops.convert_to_numpy(whitening(np.tile(images, (1, 2, 2, 1)).astype("float32")))
    found = found[:, :15, :15, :12].reshape(-1, 12)  # those of one tile
    assert np.allclose(found.T @ found / len(found), np.eye(12), atol=0.02)
    with pytest.raises(ValueError, match="Received: functional.*, without a whitening layer"):
        airbench.whiten(keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()], name="functional"), images)


def test_the_first_filters_pass_their_channel_on_and_the_others_are_uniform():
    """24 channels, 64 filters: the bound is 1 / sqrt(9 · 24)."""
    kernel = keras.ops.convert_to_numpy(airbench.dirac((3, 3, 24, 64), seed=1))
    expected = np.zeros((3, 3, 24, 24))
    expected[1, 1] = np.eye(24)
    assert np.array_equal(kernel[..., :24], expected)
    assert 0.95 / np.sqrt(216) < np.abs(kernel[..., 24:]).max() <= 1 / np.sqrt(216)
    second = weights(build(width=32))[1]
    assert np.array_equal(second[1, 1, :, :24], np.eye(24)) and not second[0, :, :, :24].any()
    narrow = keras.ops.convert_to_numpy(airbench.dirac((3, 3, 4, 2), seed=1))
    assert np.array_equal(narrow[1, 1], np.eye(4)[:, :2])


def test_a_ninth_of_the_maximum_over_the_pixels_is_classified():
    model = build(classes=3, width=2)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    last = keras.Model(model.inputs[0], model.layers[-4].output)
    features = keras.ops.convert_to_numpy(last(images)).reshape(2, 9, 8).max(axis=1)
    assert np.allclose(keras.ops.convert_to_numpy(model(images)), features / 9 @ weights(model)[-1], atol=1e-5)


def test_is_itself_again_in_a_file(tmp_path):
    model = build(classes=3, input_shape=(9, 9, 3), width=2)
    model.save(tmp_path / "model.keras")
    again = models.build(str(tmp_path / "model.keras"), classes=3, input_shape=(9, 9, 3))
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3)).astype("float32")
    assert np.array_equal(*(keras.ops.convert_to_numpy(one(images, training=False)) for one in (model, again)))
    assert len(again.trainable_variables) == len(model.trainable_variables)
    assert "kerastricks" not in model.to_json()  # it loads where this is not installed


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_shape": (8, 9, 3)}, "9×9 pixels and up, in colour. Received"),
        ({"input_shape": (32, 32, 1)}, "in colour. Received"),
        ({"width": 0}, "at least 1 filter. Received: width=0"),
    ],
)
def test_refuses(settings, said):
    with pytest.raises(ValueError, match=said):
        build(**settings)
