import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerastricks.commands.ablation.statistics import Effect, effects, holm, paired, seeds_needed, verdict

pytestmark = pytest.mark.any_backend

COVERAGE = Path(__file__).parents[3] / "benchmarks" / "coverage.py"
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12)
PAIRS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8)


def settled(mean, p_holm):
    return Effect(mean, -1.0, 1.0, 0.01, p_holm, 5, 1.0)


def test_three_seeds_by_hand():
    effect = paired([2, 4, 6], [1, 2, 3])  # differences 1, 2, 3: t = 2 / (1 / √3) = 3.464 on two degrees of freedom
    assert (effect.mean, effect.deviation, effect.seeds) == (2, 1, 3)
    half = 4.302653 / 3**0.5
    assert (effect.low, effect.high) == pytest.approx((2 - half, 2 + half), abs=1e-6)
    assert effect.p == effect.p_holm == pytest.approx(0.0741799, abs=1e-6)


def test_noise_that_the_seeds_share_cancels():
    effect = paired([0.51, 0.72, 0.90], [0.50, 0.70, 0.89])
    assert effect.high - effect.low < 0.03


def test_one_seed_has_no_interval():
    assert paired([0.75], [0.5]) == Effect(0.25, None, None, None, None, 1, 0.0)


@pytest.mark.parametrize(
    ("with_trick", "without", "mean", "p"),
    [
        ([0.5, 0.75], [0.5, 0.75], 0, 1),
        ([0.91, 0.92, 0.93], [0.90, 0.91, 0.92], 0.01, 0.25),  # equal but for their rounding
        ([0.1 + 0.2] * 4, [0.3] * 4, 0, 1),
        ([0.25] * 6, [0.5] * 6, -0.25, 0.03125),
        ([1e-200, 3e-200], [0, 0], 2e-200, 0.5),  # the squares of their differences are 0
    ],
)
def test_equal_differences_get_the_sign_test(with_trick, without, mean, p):
    effect = paired(with_trick, without)
    assert effect.mean == pytest.approx(mean)
    assert (effect.low, effect.high, effect.deviation, effect.p) == (None, None, 0, p)


@pytest.mark.parametrize(
    ("with_trick", "without", "message"),
    [
        ([1, 2], [1], "must pair by seed, one or more of each. Received: 2 with the trick and 1 without"),
        ([], [], "Received: 0 with"),
        ([0.5, float("nan")], [0.5, 0.5], "must be finite. Received: .*nan.* Leave out the runs that diverged"),
        ([0.5], [float("inf")], "must be finite"),
    ],
)
def test_refuses_what_does_not_pair(with_trick, without, message):
    with pytest.raises(ValueError, match=f"^MixUp: .*{message}"):
        effects({"MixUp": (with_trick, without)})


def test_holm_by_hand():
    # The smallest times 3; the next times 2; the last times 1, and never below the one before.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


@given(SHARES)
def test_holm_keeps_the_order_and_never_helps(p):
    corrected = holm(p)
    assert all(raw <= new <= 1 for raw, new in zip(p, corrected, strict=True))
    by_size = [new for _, new in sorted(zip(p, corrected, strict=True))]
    assert by_size == sorted(by_size)
    assert min(corrected) == pytest.approx(min(1, len(p) * min(p)))


@given(PAIRS)
def test_the_other_way_round_the_sign_flips(pairs):
    one, other = zip(*pairs, strict=True)
    there, back = paired(one, other), paired(other, one)
    assert (there.mean, there.p, there.deviation) == pytest.approx((-back.mean, back.p, back.deviation))
    if there.low is not None:
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
        assert there.low <= there.mean <= there.high
    swapped = {"helps": "hurts", "hurts": "helps"}
    assert verdict(back) == swapped.get(verdict(there), verdict(there))


def test_corrects_over_the_comparisons():
    found = effects({"a": ([2, 4, 6], [1, 2, 3]), "b": ([1, 2, 4], [1, 2, 3])})
    assert list(found) == ["a", "b"]
    assert found["a"].p_holm == pytest.approx(2 * found["a"].p)
    assert found["b"].p_holm == found["b"].p == pytest.approx(0.4226497, abs=1e-6)
    assert found["a"].comparisons == 2


def test_one_seed_in_every_comparison():
    found = effects({"a": ([1], [0]), "b": ([0], [1])})
    assert [effect.p_holm for effect in found.values()] == [None, None]
    assert effects({}) == {}


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (settled(0.01, 0.049), "helps"),
        (settled(-0.01, 0.049), "hurts"),
        (settled(1.0, 0.05), "cannot tell yet: about 10 seeds in all would settle an effect of this size"),
        (settled(0.01, 0.9), "cannot tell yet: more than 100 seeds in all would settle an effect of this size"),
        (settled(0.0, 1.0), "cannot tell yet: more than 100 seeds in all would settle an effect of this size"),
        (
            Effect(0.0, -1.0, 1.0, 1.0, 1.0, 120, 1.0),
            "cannot tell yet: more than 120 seeds in all would settle an effect of this size",
        ),
        (paired([1], [0]), "one seed: no interval can be given"),
        (paired([1, 1], [1, 1]), "cannot tell yet: all 2 seeds came out equal"),
        (paired([1, 1], [0, 0]), "cannot tell yet: all 2 seeds differ by the same amount, too few to trust"),
        (paired([1] * 6, [0] * 6), "helps"),
    ],
)
def test_says_it_in_words(effect, words):
    assert verdict(effect) == words


@pytest.mark.parametrize(("size", "seeds"), [(0.5, 34), (0.8, 15), (1.0, 10), (1e6, 6)])
def test_seeds_as_in_the_tables_of_the_paired_t_test(size, seeds):
    assert seeds_needed(settled(size, 1.0)) == seeds_needed(settled(-size, 1.0)) == seeds


def test_more_comparisons_need_more_seeds():
    assert seeds_needed(Effect(1.0, 0, 2, 0.1, 0.6, 5, 1.0, comparisons=6)) == 16


@pytest.mark.slow
@pytest.mark.parametrize("images", [None, 2000])
def test_intervals_and_verdicts_keep_what_they_promise(images):
    found = runpy.run_path(str(COVERAGE))["measure"](1000, images=images)
    assert 0.93 <= found["covered"] <= 0.97
    assert found["helps"] <= 0.05
    assert np.isclose(found["hurts"], 0.025, atol=0.025)
