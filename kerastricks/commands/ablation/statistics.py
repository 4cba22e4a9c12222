"""What a trick did, from runs with and without it that pair by seed."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

MOST_SEEDS = 100


@dataclasses.dataclass(frozen=True)
class Effect:
    """A mean difference over seeds, with − without, and how sure it is.

    Attributes:
        mean: Mean of the differences.
        low: Lower end of the 95 % interval of the mean by Student's t; None where the differences do not vary.
        high: Upper end.
        p: Two-sided p of the paired t-test, None with one seed. Where all differences are equal, as happens with
            accuracies on few images, that test has no answer: p is the sign test's, 2 / 2ⁿ, or 1 where all are 0.
        p_holm: p corrected for all comparisons of the ablation (Holm, 1979).
        seeds: Number of pairs.
        deviation: Standard deviation of the differences, 0 with one seed.
        comparisons: Number of comparisons that `p_holm` is corrected for.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    seeds: int
    deviation: float
    comparisons: int = 1


def paired(with_trick: Sequence[float], without: Sequence[float]) -> Effect:
    """Returns the effect of one comparison, two sequences of figures in the same order of seeds.

    Raises:
        ValueError: If the sequences do not pair, are empty, or hold a figure that is not finite.
    """
    one, other = np.asarray(with_trick, "float64"), np.asarray(without, "float64")
    if one.shape != other.shape or one.ndim != 1 or not one.size:
        raise ValueError(
            "Figures with and without a trick must pair by seed, one or more of each. "
            f"Received: {one.size} with the trick and {other.size} without"
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValueError(
            f"Figures must be finite. Received: {one.tolist()} with the trick and {other.tolist()} without. "
            "Leave out the runs that diverged."
        )
    differences = one - other
    seeds = len(differences)
    rounding = 64 * np.finfo("float64").eps * max(abs(one).max(), abs(other).max())
    mean = 0.0 if (abs(differences) <= rounding).all() else float(differences.mean())
    if seeds == 1:
        return Effect(mean, None, None, None, None, seeds, 0.0)
    deviation = float(differences.std(ddof=1))
    if deviation <= rounding:
        p = 2 * 0.5**seeds if mean else 1.0
        return Effect(mean, None, None, p, p, seeds, 0.0)
    test = stats.ttest_rel(one, other)
    interval = test.confidence_interval(0.95)
    p = float(test.pvalue)
    return Effect(mean, float(interval.low), float(interval.high), p, p, seeds, deviation)


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for their number, by Holm's step-down rule.

    The i-th smallest of m becomes the largest of (m − j) p for j = 0..i, at most 1.
    """
    p = np.asarray(p_values, "float64")
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected.tolist()


def effects(comparisons: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> dict[str, Effect]:
    """Returns the effect of each comparison, p corrected over all of them.

    Args:
        comparisons: Figures with and without the trick, by the name of the trick.

    Raises:
        ValueError: See `paired`; the message names the comparison.
    """
    found = {}
    for name, (with_trick, without) in comparisons.items():
        try:
            found[name] = paired(with_trick, without)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    tested = {name: effect.p for name, effect in found.items() if effect.p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {
        name: dataclasses.replace(effect, p_holm=corrected.get(name), comparisons=max(1, len(tested)))
        for name, effect in found.items()
    }


def verdict(effect: Effect, level: float = 0.05) -> str:
    """Returns `helps` or `hurts` where the corrected p is below `level`, else what it would take to tell.

    Args:
        effect: Effect on a figure of which more is better, as accuracy.
        level: Largest share of ablations without any effect that may call a trick helpful or harmful.
    """
    if effect.p_holm is None:
        return "one seed: no interval can be given"
    if effect.p_holm < level:
        return "helps" if effect.mean > 0 else "hurts"
    if not effect.deviation:
        same = "differ by the same amount, too few to trust" if effect.mean else "came out equal"
        return f"cannot tell yet: all {effect.seeds} seeds {same}"
    needed = seeds_needed(effect, level)
    many = f"more than {max(MOST_SEEDS, effect.seeds)}" if needed is None else f"about {needed}"
    return f"cannot tell yet: {many} seeds in all would settle an effect of this size"


def seeds_needed(effect: Effect, level: float = 0.05, power: float = 0.8) -> int | None:
    """Returns how many seeds find an effect of this mean and deviation with probability `power`; None if over 100.

    The test is the paired t-test at `level` / comparisons, the first step of Holm's rule.
    """
    seeds = np.arange(effect.seeds + 1, MOST_SEEDS + 1)
    threshold = stats.t.isf(level / effect.comparisons / 2, seeds - 1)
    shift = np.sqrt(seeds) * abs(effect.mean) / effect.deviation
    enough = stats.nct.sf(threshold, seeds - 1, shift) + stats.nct.cdf(-threshold, seeds - 1, shift) >= power
    return int(seeds[enough.argmax()]) if enough.any() else None
