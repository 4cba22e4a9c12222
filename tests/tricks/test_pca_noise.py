import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.tricks.pca_noise import COMPONENTS, DEVIATIONS


def test_adds_one_colour_to_all_pixels():
    """A tenth of the first component: 5.546 times (-0.5675, -0.5808, -0.5836)."""
    images = keras.ops.ones((2, 2, 2, 3)) * 100.0
    alpha = np.array([[0.1, 0, 0], [0, 0, -1]], "float32")
    noisy, targets = kt.PCANoise().batch(images, "targets", alpha)
    noisy = keras.ops.convert_to_numpy(noisy)
    assert noisy[0] == pytest.approx(np.broadcast_to([96.853, 96.779, 96.763], (2, 2, 3)), abs=1e-2)
    assert noisy[1, 0, 0] == pytest.approx([100 - 0.460, 100 + 0.934, 100 - 0.483], abs=1e-2)
    assert targets == "targets"


def test_the_components_are_orthonormal():
    assert np.abs(COMPONENTS.T @ COMPONENTS - np.eye(3)).max() < 2e-4
    assert (np.diff(DEVIATIONS) < 0).all()


@pytest.mark.parametrize("deviation", [0.1, 2.0])
def test_the_draws_are_normal(plan, deviation):
    """Three times 10,000: within one deviation lie 68.3 %."""
    alpha = kt.PCANoise(deviation).draw(np.random.default_rng(0), 10_000, 0, plan)["alpha"]
    assert alpha.shape == (10_000, 3)
    assert alpha.mean(axis=0) == pytest.approx([0] * 3, abs=5 * deviation / 100)
    assert alpha.std(axis=0) == pytest.approx([deviation] * 3, rel=0.04)
    assert (np.abs(alpha) < deviation).mean() == pytest.approx(0.683, abs=0.015)


@pytest.mark.parametrize("channels", [1, 4])
def test_refuses_images_without_three_channels(setup, channels):
    message = f"PCANoise needs images with 3 channels.* Received: images of shape .8, 8, {channels}"
    with pytest.raises(ValueError, match=message):
        kt.PCANoise().check(setup(images=np.zeros((1, 8, 8, channels), "uint8")))


@pytest.mark.parametrize("deviation", [0, -1, float("nan"), float("inf")])
def test_refuses_what_is_no_deviation(deviation):
    with pytest.raises(ValueError, match="`deviation` must be positive. Received"):
        kt.PCANoise(deviation)
