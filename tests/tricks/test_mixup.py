import keras
import numpy as np
import pytest

import kerastricks as kt

IMAGES = np.array([0.0, 100.0], "float32").reshape(2, 1, 1, 1)
TARGETS = np.eye(2, dtype="float32")


def blend(weight, order):
    images, targets = kt.MixUp().batch(keras.ops.array(IMAGES), keras.ops.array(TARGETS), weight, order)
    return keras.ops.convert_to_numpy(images).ravel().tolist(), keras.ops.convert_to_numpy(targets).tolist()


def test_blends_images_and_targets_alike():
    assert blend(0.75, [1, 0]) == ([25.0, 75.0], [[0.75, 0.25], [0.25, 0.75]])


def test_takes_one_weight_a_sample():
    assert blend(np.array([1.0, 0.5], "float32"), [1, 0]) == ([0.0, 50.0], [[1.0, 0.0], [0.5, 0.5]])


def test_a_sample_paired_with_itself_stays():
    assert blend(0.3, [0, 1])[1] == TARGETS.tolist()


def draws(trick, plan, step=0, size=8, seed=0):
    return trick.draw(np.random.default_rng(seed), size, step, plan)


def test_draws_one_weight_a_batch_and_a_permutation(plan):
    drawn = draws(kt.MixUp(), plan)
    assert len(set(drawn["weight"].tolist())) == 1
    assert sorted(drawn["order"]) == list(range(8))


def test_the_weight_follows_the_beta_distribution(plan):
    """Beta(0.2, 0.2) has mean 1/2 and variance 1 / (4 (2 * 0.2 + 1)) = 0.1786."""
    weights = [draws(kt.MixUp(0.2), plan, seed=seed)["weight"][0] for seed in range(10_000)]
    assert np.mean(weights) == pytest.approx(0.5, abs=0.02)
    assert np.var(weights) == pytest.approx(0.1786, abs=0.01)


@pytest.mark.parametrize(("step", "off"), [(0, False), (31, False), (32, True), (39, True)])
def test_is_off_for_the_last_epochs(plan, step, off):
    assert (draws(kt.MixUp(off_epochs=2), plan, step)["weight"] == 1).all() == off


@pytest.mark.parametrize("accumulation", [1, 2])
def test_refuses_batches_of_one(setup, accumulation):
    """Also where several of them make an update: partners come from the same batch."""
    with pytest.raises(ValueError, match="MixUp mixes pairs: .* at least two images. Received: batch_size=1"):
        kt.MixUp().check(setup(plan=kt.Plan(1, 2, batch_size=1, accumulation=accumulation)))


@pytest.mark.parametrize("alpha", [0, -1, float("nan"), float("inf")])
def test_refuses_an_alpha_that_is_none(alpha):
    with pytest.raises(ValueError, match="must be positive. Received"):
        kt.MixUp(alpha)


def test_refuses_a_negative_count_of_epochs():
    with pytest.raises(ValueError, match="Received: off_epochs=-1"):
        kt.MixUp(off_epochs=-1)
