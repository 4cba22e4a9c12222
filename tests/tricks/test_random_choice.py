import keras
import numpy as np
import pytest

import kerastricks as kt

SWITCH = kt.RandomChoice((kt.MixUp(0.2), kt.CutMix()), (0.25, 0.75))


def draws(trick, plan, seed=0, size=8):
    return trick.draw(np.random.default_rng(seed), size, 0, plan)


def test_each_sample_gets_what_was_chosen():
    """The first is mixed half and half with its partner, the second gets a box of all the pixels: the other image."""
    images = keras.ops.array(np.stack([np.zeros((2, 2, 1)), np.full((2, 2, 1), 100.0)]), "float32")
    targets = keras.ops.array([[1.0, 0.0], [0.0, 1.0]])
    half, one, order = np.full(2, 0.5, "float32"), np.ones(2, "float32"), np.array([1, 0], "int32")
    mixed, shares = SWITCH.batch(
        images,
        targets,
        choice=np.array([0, 1], "int32"),
        **{"0/weight": half, "0/order": order},
        **{"1/share": one, "1/row": half, "1/column": half, "1/order": order},
    )
    assert keras.ops.convert_to_numpy(mixed)[:, 0, 0, 0].tolist() == [50.0, 0.0]
    assert keras.ops.convert_to_numpy(shares).tolist() == [[0.5, 0.5], [1.0, 0.0]]


def test_chooses_once_a_batch_by_its_probabilities(plan):
    chosen = [draws(SWITCH, plan, seed)["choice"] for seed in range(10_000)]
    assert all(len(set(row.tolist())) == 1 for row in chosen[:100])
    assert np.mean([row[0] for row in chosen]) == pytest.approx(0.75, abs=0.015)


def test_or_once_a_sample(plan):
    trick = kt.RandomChoice(SWITCH.tricks, per_sample=True)
    assert draws(trick, plan, size=10_000)["choice"].mean() == pytest.approx(0.5, abs=0.015)


def test_rounded_probabilities_are_taken_as_shares(plan):
    trick = kt.RandomChoice((*SWITCH.tricks, kt.RandomFlip()), (0.3333333,) * 3, per_sample=True)
    assert set(draws(trick, plan, size=100)["choice"]) == {0, 1, 2}


def test_refuses_what_its_tricks_refuse(setup):
    kt.RandomChoice((kt.PCANoise(), kt.MixUp(off_epochs=9))).check(setup())
    with pytest.raises(ValueError, match="MixUp would have no effect: it is off for the last 10 of 10 epochs"):
        kt.RandomChoice((kt.CutMix(), kt.MixUp(off_epochs=10))).check(setup())
    with pytest.raises(ValueError, match="PCANoise needs images with 3 channels"):
        kt.RandomChoice((kt.PCANoise(), kt.MixUp())).check(setup(images=np.zeros((1, 8, 8, 1), "uint8")))


@pytest.mark.parametrize(
    ("tricks", "probabilities", "message"),
    [
        ((kt.MixUp(),), None, "would have no effect"),
        ((kt.MixUp(), kt.Warmup()), None, "images and targets alone. Received: Warmup"),
        ((kt.MixUp(), kt.RandomResizedCrop(8)), None, "images and targets alone. Received: RandomResizedCrop"),
        ((kt.MixUp(), kt.CutMix()), (1.0,), "must be 2 positive numbers"),
        ((kt.MixUp(), kt.CutMix()), (0.5, 0.6), "sum to one"),
        ((kt.MixUp(), kt.CutMix()), (0.0, 1.0), "positive"),
    ],
)
def test_refuses_what_is_no_choice(tricks, probabilities, message):
    with pytest.raises(ValueError, match=message):
        kt.RandomChoice(tricks, probabilities)
