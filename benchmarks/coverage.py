"""What the verdicts and intervals of `kerastricks ablate` are worth to someone who looks after each seed; no training.

    python benchmarks/coverage.py [--ablations 10000] [--tricks 6] [--seeds 20]
    python benchmarks/coverage.py --rules           # what other rules would give
    python benchmarks/coverage.py --crossing 300    # makes the table of kerastricks/commands/ablation/sequential.py

An outcome is the accuracy of an arm, plus what its seed does to every arm, plus noise of its own, of 0.5 points. One
recipe is held against as many recipes without a trick as there are tricks, as in leave-one-out, so all comparisons
share an arm. After each seed from the second on someone looks, and would stop at the first verdict. `false verdict` is
the share of ablations in which any trick that does nothing is ever called helpful or harmful, or any other is given the
wrong sign; `all looks covered` the share of tricks whose intervals cover the true effect at every look. Both stand
beside those of the plain paired t-test with Holm's correction and Student's interval.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from kerastricks.commands.ablation import sequential
from kerastricks.commands.ablation.statistics import ROUNDING, holm

NOISE = 0.005  # of an arm, so that differences deviate by √2 as much, 0.71 points
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Returns noise as the theory has it."""
    return random.normal(size=shape)


def heavy(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Returns noise with the tails of Student's t with 4 degrees of freedom, of deviation 1."""
    return random.standard_t(4, shape) / 2**0.5


def skewed(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Returns exponential noise of mean 0 and deviation 1: now and then a run does much better."""
    return random.exponential(size=shape) - 1


def broken(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Returns normal noise, of which one run in ten falls behind by 5 points; of mean 0."""
    return random.normal(size=shape) + 1 - 10.0 * (random.random(shape) < 0.1)


def differences(
    random: np.random.Generator, ablations: int, truth: Sequence[float], seeds: int, draw: Draw, images: int | None
) -> np.ndarray:
    """Returns what the full recipe has over those without a trick: ablations × tricks × seeds.

    Args:
        random: Where the draws come from.
        ablations: How many.
        truth: Effect of each trick.
        seeds: How many.
        draw: Noise of the arms without a trick. Where it is not symmetric, that of the full recipe is normal: the skew
            would cancel in the difference.
        images: Round accuracies to whole images of so many, if any.
    """
    shared = 0.9 + random.normal(0, 0.01, (ablations, 1, seeds))
    full = shared + NOISE * (draw if draw is heavy else normal)(random, (ablations, 1, seeds))
    others = shared - np.reshape(truth, (-1, 1)) + NOISE * draw(random, (ablations, len(truth), seeds))
    if images:
        full, others = (np.rint(one * images) / images for one in (full, others))
        full, others = (one.astype("float32").astype("float64") for one in (full, others))  # as Keras measures
    return full - others


def measure(
    ablations: int,
    truth: Sequence[float],
    seeds: int = 20,
    draw: Draw = normal,
    images: int | None = None,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Returns, of `always valid` and of `plain`, what the table shows.

    `false` and `covered` as above; `settled`, the share of true effects that were ever called, and `seeds`, the mean
    number of seeds at which they were.
    """
    random = np.random.default_rng(seed)
    found = differences(random, ablations, truth, seeds, draw, images)
    number = np.arange(1, seeds + 1)
    mean = found.cumsum(axis=-1) / number
    variance = np.stack([found[..., :n].var(axis=-1, ddof=1) for n in number[1:]], axis=-1)
    number, mean, true = number[1:], mean[..., 1:], np.reshape(truth, (-1, 1))
    error = np.sqrt(variance / number)
    equal = error * np.sqrt(number) <= ROUNDING
    t = np.abs(mean) / np.where(equal, 1, error)
    same = np.where(np.abs(mean) <= ROUNDING, 1.0, 2 * 0.5**number)
    p = np.where(equal, same, 2 * stats.t.sf(t, number - 1))  # the sign test's, as in `statistics.paired`
    report = {}
    for name, valid, width in (
        ("always valid", sequential.always_valid(p, number), sequential.threshold(number)),
        ("plain", p, stats.t.isf(0.025, number - 1)),
    ):
        called = np.moveaxis(holm(np.moveaxis(valid, 1, -1)), -1, 1) < 0.05
        wrong = called & (np.sign(mean) != np.sign(true))
        with np.errstate(invalid="ignore"):  # infinite at two seeds
            inside = equal | (np.abs(mean - true) <= width * error)
        settled = called.any(axis=-1)
        first = called.argmax(axis=-1) + number[0]
        works = np.broadcast_to(np.asarray(truth) != 0, settled.shape)
        report[name] = {
            "false": float(wrong.any(axis=(1, 2)).mean()),
            "covered": float(inside.all(axis=-1).mean()),
            "settled": float(settled[works].mean()) if works.any() else float("nan"),
            "seeds": float(first[works & settled].mean()) if (works & settled).any() else float("nan"),
        }
    return report


def crossing(rounds: int, most: int = 600) -> list[tuple[float, float]]:
    """Returns levels c and the probability that noise ever passes c wₙ, from `rounds` times 10,000 sequences.

    Args:
        rounds: How many.
        most: Seeds of a sequence; beyond them it counts as passed with all of the probability that is left, c Σ wₙ.
    """
    levels, number = sequential.LEVELS[1:-1], np.arange(1, most + 1)
    looks = number[sequential.FEWEST - 1 :]
    thresholds = stats.t.isf(np.minimum(1, levels * sequential.share(looks)[:, None]) / 2, looks[:, None] - 1)
    random, passed = np.random.default_rng(0), np.zeros(len(levels))
    for _ in range(rounds):
        noise = random.normal(size=(10_000, most))
        total = noise.cumsum(axis=1)
        rest = (noise**2).cumsum(axis=1) - total**2 / number
        t = np.abs(total[:, looks - 1]) / np.sqrt(looks * rest[:, looks - 1] / (looks - 1))
        lowest = np.full(len(noise), len(levels))
        for at, bounds in enumerate(thresholds):  # fall as levels rise
            lowest = np.minimum(lowest, len(levels) - np.searchsorted(bounds[::-1], t[:, at], side="right"))
        passed += (lowest[:, None] <= np.arange(len(levels))).sum(axis=0)
    beyond = 1 - sequential.share(looks).sum()
    return [(float(c), float(share + c * beyond)) for c, share in zip(levels, passed / (1e4 * rounds), strict=True)]


def rules(level: float) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Returns rules that hold at every look, each the |t| that it takes by the number of seeds."""

    def mixture(n: np.ndarray, spread: float = 9.0) -> np.ndarray:
        """Where the Bayes factor for effects of N(0, 9) deviations is 1 / level (Wang and Ramdas, arXiv:2310.03722)."""
        growth = 1 + n * spread
        ratio = (np.sqrt(growth) / level) ** (2 / n)
        reached = ratio < growth
        return np.sqrt((n - 1) * np.where(reached, (ratio - 1) / np.where(reached, 1 - ratio / growth, 1), np.inf))

    return {
        "ours": lambda n: sequential.threshold(n, level),
        "its levels, summed to 5 %": lambda n: stats.t.isf(level * sequential.share(n) / 2, n - 1),
        "e-process": mixture,
        "plain t, one look": lambda n: stats.t.isf(level / 2, n - 1),
    }


def compare(looks: Sequence[int] = (3, 5, 8, 12), comparisons: int = 6, ablations: int = 20_000) -> list[str]:
    """Returns, of each rule, how wide its intervals are, and how often it has settled what by then."""
    number = np.arange(2, max(looks) + 1)
    noise = np.random.default_rng(0).normal(size=(ablations, number[-1]))
    deviation = np.stack([noise[:, :n].std(axis=1, ddof=1) for n in number], axis=1)
    mean = (noise.cumsum(axis=1) / np.arange(1, number[-1] + 1))[:, 1:]
    at = np.searchsorted(number, looks)
    effects = (1, 2, 3, 5)
    seeds = "/".join(map(str, looks))
    lines = [
        f"by {seeds} seeds: half an interval, in deviations; % of effects of so many deviations that are settled",
        f"{'':26}{'half':>17}" + "".join(f"{f'effect of {effect}':>17}" for effect in effects),
    ]
    for (name, whole), strict in zip(rules(0.05).items(), rules(0.05 / comparisons).values(), strict=True):
        width = "/".join(f"{half:.1f}" for half in (whole(number) / np.sqrt(number))[at])
        cells = [width]
        for effect in effects:
            called = (mean + effect) * np.sqrt(number) / deviation > strict(number)
            share = called if name.startswith("plain") else np.maximum.accumulate(called, axis=1)
            cells.append("/".join(f"{100 * now:.0f}" for now in share.mean(axis=0)[at]))
        lines.append(f"{name:26}" + "".join(f"{cell:>17}" for cell in cells))
    return lines


def show(title: str, found: dict[str, dict[str, float]]) -> str:
    """Returns a row of the table."""
    ours, plain = found["always valid"], found["plain"]
    both = "".join(f"{ours[key]:>8.1%} {plain[key]:>6.1%}  " for key in ("false", "covered"))
    works = "" if np.isnan(ours["settled"]) else f"{ours['settled']:>8.1%}, after {ours['seeds']:.1f} seeds"
    return f"{title:40}{both}{works}".rstrip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ablations", type=int, default=10_000)
    parser.add_argument("--tricks", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rules", action="store_true")
    parser.add_argument("--crossing", type=int, metavar="ROUNDS")
    arguments = parser.parse_args()
    if arguments.crossing:
        for c, probability in crossing(arguments.crossing):
            print(f"{c:<8g} {probability:.3g}")
    elif arguments.rules:
        print("\n".join(compare()))
    else:
        nothing = [0.0] * arguments.tricks
        half = [0.01 * (at + 1) if at < arguments.tricks // 2 else 0.0 for at in range(arguments.tricks)]
        settings: list[tuple[str, Sequence[float], Draw, int | None]] = [
            ("no effects", nothing, normal, None),
            ("half of them 1, 2, 3, … points", half, normal, None),
            ("half, whole images of 2,000", half, normal, 2000),
            ("no effects, whole images of 2,000", nothing, normal, 2000),
            ("no effects, heavy tails", nothing, heavy, None),
            ("no effects, skewed", nothing, skewed, None),
            ("no effects, one run in ten breaks down", nothing, broken, None),
        ]
        number, tricks, seeds = arguments.ablations, arguments.tricks, arguments.seeds
        print(f"{number:,} ablations of {tricks} tricks, a look after each of {seeds} seeds")
        print(f"{'':40}{'false verdict':>15}  {'all looks covered':>17}    of true effects")
        print(f"{'':40}{'ours  plain':>15}  {'ours  plain':>17}    settled by ours")
        for title, truth, draw, images in settings:
            print(show(title, measure(arguments.ablations, truth, arguments.seeds, draw, images)))
