import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerastricks.commands.ablation import sequential
from kerastricks.commands.ablation.statistics import (
    Effect,
    always_valid,
    effects,
    holm,
    paired,
    seeds_needed,
    verdict,
)

pytestmark = pytest.mark.any_backend

FIGURES = st.floats(0, 1, width=32)  # as Keras gives them
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12)
PAIRS = st.lists(st.tuples(FIGURES, FIGURES), min_size=1, max_size=8)


def settled(mean, p_holm):
    return Effect(mean, -1.0, 1.0, 0.01, p_holm, 5, 1.0)


def test_three_seeds_by_hand():
    effect = paired([2, 4, 6], [1, 2, 3])  # differences 1, 2, 3: t = 2 / (1 / √3) = 3.464 on two degrees of freedom
    assert (effect.mean, effect.deviation, effect.seeds) == (2, 1, 3)
    half = 4.302653 / 3**0.5
    assert (effect.low, effect.high) == pytest.approx((2 - half, 2 + half), abs=1e-6)
    assert effect.p == effect.p_holm == pytest.approx(0.0741799, abs=1e-6)
    assert not effect.always_valid


def test_always_valid_by_hand():
    """A p of 0.0741799 at 3 seeds, which get 1/11 of the error, is a level c of 0.816; and 8.44 standard errors."""
    effect = always_valid(paired([2, 4, 6], [1, 2, 3]))
    assert effect.p == effect.p_holm == pytest.approx(float(sequential.error(0.8159789)), abs=1e-6)
    half = 8.4391 / 3**0.5
    assert (effect.low, effect.high) == pytest.approx((2 - half, 2 + half), abs=1e-3)
    assert (effect.mean, effect.deviation, effect.seeds, effect.always_valid) == (2, 1, 3, True)


def test_two_seeds_settle_nothing():
    effect = always_valid(paired([0.9, 0.8], [0.1, 0.0001]))
    assert (effect.low, effect.high, effect.p) == (None, None, 1)


def test_only_number_mean_and_deviation_count():
    one, other = always_valid(paired([1, 2, 4, 8], [0] * 4)), always_valid(paired([8, 1, 4, 2], [0] * 4))
    assert (one.low, one.high, one.p) == pytest.approx((other.low, other.high, other.p))


@given(PAIRS)
def test_the_interval_leaves_out_0_where_p_is_below_a_twentieth(pairs):
    effect = always_valid(paired(*zip(*pairs, strict=True)))
    if effect.low is not None:
        assert (effect.low > 0 or effect.high < 0) == (effect.p < 0.05) or effect.p == pytest.approx(0.05)


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


def test_equal_counts_of_images_are_equal_as_keras_measures_them():
    """333, 345 and 329 of 360 images, and two fewer: in float32 the differences are unequal in the eighth digit."""
    counts = np.array([333, 345, 329])
    effect = paired(*((right / 360).astype("float32").tolist() for right in (counts, counts - 2)))
    assert (effect.deviation, effect.p) == (0, 0.25)
    one_more = paired(*((right / 1e6).astype("float32").tolist() for right in (counts + np.eye(3)[0], counts)))
    assert one_more.deviation > 0


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
    assert holm([0.5, 0.9]).tolist() == [1, 1]
    assert holm([]).tolist() == []
    assert holm([[0.04, 0.01, 0.03], [1, 0.2, 0.9]]) == pytest.approx(np.array([[0.06, 0.03, 0.06], [1, 0.6, 1]]))


@given(SHARES)
def test_holm_keeps_the_order_and_never_helps(p):
    corrected = holm(p).tolist()
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
    found = effects({"a": ([1, 2, 4, 8, 7], [0] * 5), "b": ([1, 2, 4], [1, 2, 3])})
    assert list(found) == ["a", "b"]
    assert found["a"] == dataclasses.replace(
        always_valid(paired([1, 2, 4, 8, 7], [0] * 5)), p_holm=2 * found["a"].p, comparisons=2
    )
    assert found["b"].p_holm == found["b"].p > found["a"].p_holm


def test_corrects_for_comparisons_that_are_to_come():
    """The trick that is compared first is one of three from the beginning."""
    found = effects({"a": ([1, 2, 4, 8, 7], [0] * 5), "b": ([1], [1])}, planned=3)
    assert found["a"].p_holm == pytest.approx(3 * found["a"].p)
    assert (found["b"].p_holm, found["b"].comparisons) == (None, 3)


def test_one_seed_in_every_comparison():
    found = effects({"a": ([1], [0]), "b": ([0], [1])})
    assert [effect.p_holm for effect in found.values()] == [None, None]
    assert effects({}) == {}


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (settled(0.01, 0.049), "helps"),
        (settled(-0.01, 0.049), "hurts"),
        (settled(1.0, 0.05), "cannot tell yet: about 21 seeds in all would settle an effect of this size"),
        (settled(0.01, 0.9), "cannot tell yet: more than 100 seeds in all would settle an effect of this size"),
        (settled(0.0, 1.0), "cannot tell yet: more than 100 seeds in all would settle an effect of this size"),
        (
            Effect(0.0, -1.0, 1.0, 1.0, 1.0, 120, 1.0),
            "cannot tell yet: more than 120 seeds in all would settle an effect of this size",
        ),
        (paired([1], [0]), "one seed: no interval can be given"),
        (paired([1, 1], [1, 1]), "cannot tell yet: all 2 seeds came out equal"),
        (paired([1, 1], [0, 0]), "cannot tell yet: all 2 seeds differ by the same amount, too few to trust"),
        (
            always_valid(paired([1] * 8, [0] * 8)),
            "cannot tell yet: all 8 seeds differ by the same amount, too few to trust",
        ),
        (always_valid(paired([1] * 9, [0] * 9)), "helps"),
        (
            always_valid(paired([0.9, 0.8], [0.5, 0.5])),
            "cannot tell yet: about 4 seeds in all would settle an effect of this size",
        ),
    ],
)
def test_says_it_in_words(effect, words):
    assert verdict(effect) == words


@pytest.mark.parametrize(("size", "seeds"), [(0.8, 33), (1.0, 21), (2.0, 7), (1e6, 3)])
def test_seeds_that_pass_the_threshold_four_times_in_five(size, seeds):
    assert seeds_needed(size, 1.0) == seeds_needed(-size, 1.0) == seeds
    assert seeds_needed(size, 1.0, least=40) == 40


def test_more_comparisons_need_more_seeds():
    assert seeds_needed(1.0, 1.0, comparisons=6) == 29


def test_seeds_needed_as_simulated():
    """An effect of 2 deviations: 71 % of ablations have settled it at 6 seeds, 84 % at 7."""
    noise = np.random.default_rng(0).normal(2, 1, (20_000, 7))
    shares = []
    for seeds in (6, 7):
        found = noise[:, :seeds]
        t = found.mean(axis=1) * seeds**0.5 / found.std(axis=1, ddof=1)
        shares.append((t > sequential.threshold(seeds)).mean())
    assert shares == pytest.approx([0.714, 0.835], abs=0.01)
