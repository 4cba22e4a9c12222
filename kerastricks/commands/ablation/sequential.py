"""Student's t-test and interval that hold however often seeds are added: a group-sequential test, a look at each seed.

After n seeds the paired t-test is made at the level c wₙ, where w₃ + w₄ + … = 1 share out the error. Differences that
are noise pass it at some n with the probability `error(c)`, less than c: the t of their first 3, 4, … have one joint
distribution, whatever the variance. At c = `spent(0.05)` = 0.151, a trick that does nothing is called helpful or
harmful in at most 5 % of ablations, whenever one looks and stops, and the intervals at that level cover the effect at
all numbers of seeds at once in at least 95 %: the repeated t-tests and intervals of Jennison and Turnbull, 1991
(doi:10.1093/biomet/78.1.133). Differences must be normal and independent, and which seeds count settled before them.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

FEWEST = 3

# c, and the probability to pass a level c wₙ at some n: of 3 million sequences of 600 normal differences, plus all that
# is left beyond, c Σ wₙ over n > 600 (`python benchmarks/coverage.py --crossing 300`); far below, c itself.
LEVELS = np.array([1e-9, 1e-4, 1e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 8])
ERRORS = np.array(
    [1e-9, 5e-5, 4.95e-4, 2.31e-3, 4.39e-3, 8.24e-3, 0.0189, 0.035, 0.0636, 0.137, 0.239, 0.408, 0.789, 1]
)


def share(seeds: ArrayLike) -> Any:
    """Returns the share of the error that is spent at a number of seeds.

    wₙ = 10 / ((n + 7) (n + 8)) from 3 on, so half of it by 12: 10/110 at 3, 10/156 at 5. Nothing at 2, where a t-test
    finds next to nothing.
    """
    n = np.asarray(seeds, "float64")
    return np.where(n < FEWEST, 0.0, 10 / ((n + 7) * (n + 8)))


def error(level: ArrayLike) -> Any:
    """Returns the probability that pure noise ever passes the levels c wₙ, from c = `level`."""
    c = np.maximum(level, LEVELS[0])
    return np.minimum(level, np.exp(np.interp(np.log(c), np.log(LEVELS), np.log(ERRORS))))


def spent(probability: float) -> float:
    """Returns the level c of which the `error` is `probability`."""
    if probability <= ERRORS[0]:
        return probability
    return float(np.exp(np.interp(np.log(probability), np.log(ERRORS), np.log(LEVELS))))


def always_valid(p: ArrayLike, seeds: ArrayLike) -> Any:
    """Returns the p of a number of seeds that is always valid: with no effect, ever below α with probability α at most.

    Args:
        p: p of the paired t-test of that many seeds.
        seeds: How many.
    """
    weight = share(seeds)
    return np.where(weight > 0, error(np.asarray(p) / np.where(weight > 0, weight, 1)), 1.0)


def threshold(seeds: ArrayLike, level: float = 0.05) -> Any:
    """Returns the |t| from which on the p of `always_valid` is `level` or less; infinite at 2 seeds.

    That many standard errors to each side of the mean is the interval of 1 − `level`.
    """
    return stats.t.isf(spent(level) * share(seeds) / 2, np.asarray(seeds) - 1)
