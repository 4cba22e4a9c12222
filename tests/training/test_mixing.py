import numpy as np
import pytest

import kerastricks as kt

NEUTRAL = {"MixUp": ("weight", 1.0), "CutMix": ("share", 0.0)}


def drawn(trick, plan, size=10_000):
    name, neutral = NEUTRAL[trick.name]
    values = trick.draw(np.random.default_rng(0), size, 0, plan)[name]
    return values, values != neutral


@pytest.mark.parametrize("kind", [kt.MixUp, kt.CutMix])
def test_a_share_of_its_own_for_each_sample(kind, plan):
    """Beta(1, 1) is uniform: mean 1/2 and variance 1/12 over 10,000 samples of one batch."""
    values, _ = drawn(kind(1.0, per_sample=True), plan)
    assert values.mean() == pytest.approx(0.5, abs=0.015)
    assert values.var() == pytest.approx(1 / 12, abs=0.004)


@pytest.mark.parametrize("kind", [kt.MixUp, kt.CutMix])
def test_a_part_of_the_samples_is_mixed(kind, plan):
    _, mixed = drawn(kind(1.0, per_sample=True, probability=0.25), plan)
    assert mixed.mean() == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize("kind", [kt.MixUp, kt.CutMix])
def test_a_part_of_the_batches_is_mixed(kind, plan):
    name, neutral = NEUTRAL[kind.__name__]
    trick = kind(1.0, probability=0.25)
    batches = [trick.draw(np.random.default_rng(seed), 2, 0, plan)[name][0] for seed in range(10_000)]
    assert np.mean(np.array(batches) != neutral) == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize("probability", [0, -0.1, 1.1, float("nan")])
@pytest.mark.parametrize("kind", [kt.MixUp, kt.CutMix])
def test_refuses_a_probability_out_of_range(kind, probability):
    with pytest.raises(ValueError, match="must lie in .0, 1.. Received: probability="):
        kind(probability=probability)


@pytest.mark.parametrize("kind", [kt.MixUp, kt.CutMix])
def test_rests_in_the_last_epochs(kind, plan):
    """Ten epochs of four steps, off for the last three: step 27 is the last that mixes."""
    trick = kind(1.0, off_epochs=3)
    name, neutral = NEUTRAL[kind.__name__]
    for step, mixes in ((27, True), (28, False)):
        values = trick.draw(np.random.default_rng(0), 8, step, plan)[name]
        assert (values != neutral).all() == mixes
