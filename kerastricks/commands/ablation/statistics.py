"""What a trick did, from runs with and without it that pair by seed."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from kerastricks.commands.ablation import sequential

MOST_SEEDS = 100
ROUNDING = 2 * float(np.finfo("float32").eps)  # of a difference of two figures, to their size


@dataclasses.dataclass(frozen=True)
class Effect:
    """A mean difference over seeds, with − without, and how sure it is.

    Attributes:
        mean: Mean of the differences.
        low: Lower end of the 95 % interval of the mean; None where there is none: the differences do not vary, or are
            too few.
        high: Upper end.
        p: Two-sided p, None with one seed.
        p_holm: p corrected for all comparisons of the ablation (Holm, 1979).
        seeds: Number of pairs.
        deviation: Standard deviation of the differences, 0 with one seed.
        comparisons: Number of comparisons that `p_holm` is corrected for.
        always_valid: Whether interval and p hold however often seeds are added, see `always_valid`; else they are
            those of a number of seeds that was fixed beforehand.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    seeds: int
    deviation: float
    comparisons: int = 1
    always_valid: bool = False


def paired(with_trick: Sequence[float], without: Sequence[float]) -> Effect:
    """Returns the effect of one comparison, for a number of seeds that was fixed beforehand.

    The interval is Student's, p that of the paired t-test. Where all differences are equal, as happens with accuracies
    on few images, that test has no answer: p is the sign test's, 2 / 2ⁿ, or 1 where all are 0. Equal means up to the
    rounding of float32, in which Keras measures: far below one image in a million.

    Args:
        with_trick: Figures with the trick.
        without: Figures without it, in the same order of seeds.

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
    rounding = ROUNDING * max(abs(one).max(), abs(other).max())
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


def always_valid(effect: Effect) -> Effect:
    """Returns an effect with the interval and the p that hold however often seeds are added and looked at.

    A function of mean, deviation and number of the differences of the first seeds, in the order 0, 1, 2, …: which seeds
    count must be settled before their figures are known. A run that failed may be left out only for a reason that has
    nothing to do with which arm is better. See `kerastricks.commands.ablation.sequential`.
    """
    if effect.p is None:
        return dataclasses.replace(effect, always_valid=True)
    p = float(sequential.always_valid(effect.p, effect.seeds))
    low = high = None
    if effect.deviation and effect.seeds >= sequential.FEWEST:
        half = float(sequential.threshold(effect.seeds)) * effect.deviation / effect.seeds**0.5
        low, high = effect.mean - half, effect.mean + half
    return dataclasses.replace(effect, low=low, high=high, p=p, p_holm=p, always_valid=True)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Returns p-values corrected for their number, that of the last axis, by Holm's step-down rule.

    The i-th smallest of m becomes the largest of (m − j) p for j = 0..i, at most 1.
    """
    p = np.asarray(p_values, "float64")
    order = np.argsort(p, axis=-1, kind="stable")
    steps = np.take_along_axis(p, order, axis=-1) * np.arange(p.shape[-1], 0, -1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, np.minimum(1, np.maximum.accumulate(steps, axis=-1)), axis=-1)
    return corrected


def effects(
    comparisons: Mapping[str, tuple[Sequence[float], Sequence[float]]], planned: int | None = None
) -> dict[str, Effect]:
    """Returns the effect of each comparison, always valid, p corrected over all of them.

    Args:
        comparisons: Figures with and without the trick, in the order of seeds, by the name of the trick.
        planned: How many comparisons the ablation is to make. One that is not there yet counts as well: whichever comes
            first would otherwise be judged as if it were the only one. Default: those that are there.

    Raises:
        ValueError: See `paired`; the message names the comparison.
    """
    found = {}
    for name, (with_trick, without) in comparisons.items():
        try:
            found[name] = always_valid(paired(with_trick, without))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    tested = [1.0 if effect.p is None else effect.p for effect in found.values()]
    corrected = holm(tested + [1.0] * ((planned or 0) - len(tested)))
    return {
        name: dataclasses.replace(
            effect, p_holm=None if effect.p is None else float(p), comparisons=max(len(found), planned or 0)
        )
        for (name, effect), p in zip(found.items(), corrected, strict=False)
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
    needed = seeds_needed(effect.mean, effect.deviation, effect.comparisons, effect.seeds + 1, level)
    many = f"more than {max(MOST_SEEDS, effect.seeds)}" if needed is None else f"about {needed}"
    return f"cannot tell yet: {many} seeds in all would settle an effect of this size"


def seeds_needed(
    mean: float, deviation: float, comparisons: int = 1, least: int = 1, level: float = 0.05, power: float = 0.8
) -> int | None:
    """Returns how many seeds settle an effect with probability `power`, by the always-valid p; None if over 100.

    The noncentral t of n differences passes the threshold of `level` / comparisons, the first step of Holm's rule, on
    the side of the effect. To look after each seed on the way, and to stop, settles some effects earlier.

    Args:
        mean: Mean of the differences.
        deviation: Their standard deviation, above 0.
        comparisons: Comparisons of the ablation.
        least: The fewest seeds to answer with.
    """
    seeds = np.arange(max(least, sequential.FEWEST), MOST_SEEDS + 1)
    threshold = sequential.threshold(seeds, level / comparisons)
    shift = np.sqrt(seeds) * abs(mean) / deviation
    enough = stats.nct.sf(threshold, seeds - 1, shift) >= power
    return int(seeds[enough.argmax()]) if enough.any() else None
