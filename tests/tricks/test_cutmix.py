import keras
import numpy as np
import pytest

import kerastricks as kt

IMAGES = np.stack([np.zeros((4, 4, 1)), np.ones((4, 4, 1))]).astype("float32")
TARGETS = np.eye(2, dtype="float32")


def mixed(share, row, column, order=(1, 0)):
    """The first image, as rows of digits, and its target."""
    one = [np.full(2, value, "float32") for value in (share, row, column)]
    images, targets = kt.CutMix().batch(
        keras.ops.array(IMAGES), keras.ops.array(TARGETS), *one, np.array(order, "int32")
    )
    rows = keras.ops.convert_to_numpy(images)[0, :, :, 0].astype(int)
    return ["".join(map(str, row)) for row in rows], keras.ops.convert_to_numpy(targets)[0].tolist()


def test_pastes_a_box_and_shares_the_targets_by_pixels():
    """A quarter of the area is a box of 2×2; its centre at half of 4 pixels is pixel 2."""
    assert mixed(0.25, 0.5, 0.5) == (["0000", "0110", "0110", "0000"], [0.75, 0.25])


def test_a_box_over_the_border_is_cut_off_and_the_share_is_that_of_what_is_left():
    assert mixed(0.25, 0.0, 0.0) == (["1000", "0000", "0000", "0000"], [15 / 16, 1 / 16])


def test_without_a_box_nothing_changes():
    assert mixed(0.0, 0.5, 0.5) == (["0000"] * 4, [1.0, 0.0])


def test_the_whole_area_is_the_other_image():
    assert mixed(1.0, 0.5, 0.5) == (["1111"] * 4, [0.0, 1.0])


def draws(trick, plan, step=0, size=8, seed=0):
    return trick.draw(np.random.default_rng(seed), size, step, plan)


def test_draws_one_box_a_batch_and_a_permutation(plan):
    drawn = draws(kt.CutMix(), plan)
    assert all(len(set(drawn[name].tolist())) == 1 for name in ("share", "row", "column"))
    assert sorted(drawn["order"]) == list(range(8))


def test_the_draws_follow_their_distributions(plan):
    """Beta(1, 1) and the centre are uniform: mean 1/2, variance 1/12."""
    rows = [
        [draws(kt.CutMix(), plan, seed=seed)[name][0] for name in ("share", "row", "column")] for seed in range(10_000)
    ]
    assert np.mean(rows, axis=0) == pytest.approx([0.5] * 3, abs=0.015)
    assert np.var(rows, axis=0) == pytest.approx([1 / 12] * 3, abs=0.004)


@pytest.mark.parametrize(("step", "off"), [(0, False), (31, False), (32, True), (39, True)])
def test_is_off_for_the_last_epochs(plan, step, off):
    assert (draws(kt.CutMix(off_epochs=2), plan, step)["share"] == 0).all() == off


def test_refuses_batches_of_one(setup):
    with pytest.raises(ValueError, match="CutMix mixes pairs: it needs batches of at least two images"):
        kt.CutMix().check(setup(plan=kt.Plan(1, 1, batch_size=1)))


@pytest.mark.parametrize("alpha", [0, -1, float("nan"), float("inf")])
def test_refuses_an_alpha_that_is_none(alpha):
    with pytest.raises(ValueError, match="must be positive. Received"):
        kt.CutMix(alpha)
