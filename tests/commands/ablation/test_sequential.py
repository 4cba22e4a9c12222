import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kerastricks.commands.ablation.sequential import (
    ERRORS,
    LEVELS,
    always_valid,
    error,
    share,
    spent,
    threshold,
)
from kerastricks.commands.ablation.statistics import effects, verdict

pytestmark = pytest.mark.any_backend

COVERAGE = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "coverage.py"))


def test_the_error_is_shared_out():
    """10/110 + 10/132 + … = 10/10 − 10/11 + 10/11 − 10/12 + …: all but 10 / (n + 8) by n seeds, half of it by 12."""
    assert share([1, 2, 3, 5]) == pytest.approx([0, 0, 10 / 110, 10 / 156])
    assert share(np.arange(3, 13)).sum() == pytest.approx(1 / 2)
    assert share(np.arange(3, 993)).sum() == pytest.approx(0.99)


def test_p_by_hand():
    """A p of 0.1 wₙ is a level c of 0.1, which noise passes at some n with a probability of 3.5 %, says the table."""
    assert always_valid([0.1 * 10 / 110, 0.1 * 10 / 156], [3, 5]) == pytest.approx([0.035, 0.035])
    assert always_valid([0.0, 1.0, 0.0001], [5, 5, 2]).tolist() == [0, 1, 1]


def test_five_seeds_by_hand():
    """c = 0.151, of which 5 seeds get 10/156: Student's t at 0.0097, 4 degrees of freedom, is 4.65."""
    assert spent(0.05) == pytest.approx(0.1513, abs=1e-4)
    assert threshold(5) == pytest.approx(4.645, abs=1e-3)
    assert 2 * stats.t.sf(4.645, 4) == pytest.approx(0.1513 * 10 / 156, abs=1e-5)
    assert threshold([1, 2])[1] == np.inf


@given(st.floats(0, 1), st.integers(3, 200))
def test_never_above_the_sum_of_its_levels(p, seeds):
    assert p <= always_valid(p, seeds) <= min(1, p / share(seeds)) * (1 + 1e-9)


@given(st.floats(1e-7, 0.99), st.integers(3, 30))
def test_the_threshold_is_where_p_is_the_level(level, seeds):
    p = 2 * stats.t.sf(threshold(seeds, level), seeds - 1)
    assert always_valid(p, seeds) == pytest.approx(level, rel=1e-3)


@given(st.floats(1e-12, 1))
def test_spent_is_the_error_turned_round(probability):
    assert error(spent(probability)) == pytest.approx(probability)


def test_the_table_is_what_noise_does():
    """30,000 sequences: the share that passes a level deviates by 0.13 % where it is 5 %, and by less below."""
    levels, shares = np.transpose(COVERAGE["crossing"](3))
    assert levels.tolist() == LEVELS[1:-1].tolist()
    deviation = np.sqrt(ERRORS[1:-1] / 30_000)
    assert (np.abs(shares - ERRORS[1:-1]) < 4 * deviation).all()


@pytest.mark.parametrize("images", [None, 2000])
def test_verdicts_and_intervals_keep_what_they_promise(images):
    """2,000 leave-one-outs of six tricks, looked at after each of 20 seeds."""
    null = COVERAGE["measure"](2_000, [0.0] * 6, images=images)
    some = COVERAGE["measure"](2_000, [0.01, 0.02, 0.03, 0, 0, 0], images=images)
    for found in (null, some):
        assert 0.02 < found["always valid"]["false"] <= 0.05
        assert found["always valid"]["covered"] >= 0.95
        assert found["plain"]["false"] > 0.2
        assert found["plain"]["covered"] < 0.8
    assert some["always valid"]["settled"] > 0.98


def test_what_is_simulated_is_what_ablations_say():
    """One ablation at a time, by `effects` and `verdict` after each of eight seeds."""
    truth, seeds, settled = [0.01, 0.02, 0.03, 0.0], 8, []
    for seed in range(10):
        random = np.random.default_rng(seed)
        found = COVERAGE["differences"](random, 1, truth, seeds, COVERAGE["normal"], 200)[0]
        called = set()
        for look in range(2, seeds + 1):
            said = effects({str(at): (row[:look], np.zeros(look)) for at, row in enumerate(found)})
            called |= {name for name, effect in said.items() if verdict(effect) in ("helps", "hurts")}
        measured = COVERAGE["measure"](1, truth, seeds, images=200, seed=seed)["always valid"]
        assert measured["settled"] == pytest.approx(len(called - {"3"}) / 3)
        assert measured["false"] == ("3" in called)
        settled.append(measured["settled"])
    assert 0.4 < np.mean(settled) < 1
