"""What the intervals and verdicts of `kerastricks ablate` are worth: 1,000 simulated ablations, no training.

    python benchmarks/coverage.py [--ablations 1000] [--tricks 6] [--seeds 5] [--images 2000]

An outcome is the accuracy of an arm, plus what its seed does to every arm, plus noise of its own. One recipe is held
against as many recipes without a trick as there are tricks, as in leave-one-out, so all comparisons share an arm.
Accuracies are also rounded to whole images of a validation set, as real ones are. The first figure is the share of
95 % intervals that cover the true effect; the others are the shares of ablations, of tricks that do nothing, in which
any trick is said to help, or to hurt.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from kerastricks.commands.ablation.statistics import effects, verdict


def simulate(random: np.random.Generator, truth: Sequence[float], seeds: int, images: int | None) -> dict:
    """Returns the effects found in one ablation of tricks whose effects on accuracy are `truth`."""
    shared = random.normal(0.9, 0.01, seeds)

    def arm(effect: float) -> np.ndarray:
        accuracies = shared + effect + random.normal(0, 0.005, seeds)
        return accuracies if images is None else np.rint(accuracies * images) / images

    full = arm(0.0)
    return effects({str(trick): (full, arm(-effect)) for trick, effect in enumerate(truth)})


def measure(ablations: int, tricks: int = 6, seeds: int = 5, images: int | None = None, seed: int = 0) -> dict:
    """Returns the share of intervals that cover the truth, and of null ablations with any `helps` or any `hurts`.

    Effects that are all equal over the seeds have no interval; they are counted apart.
    """
    random = np.random.default_rng(seed)
    truth = np.linspace(-0.01, 0.02, tricks)
    covered, without_interval, helps, hurts = [], 0, 0, 0
    for _ in range(ablations):
        found = simulate(random, truth, seeds, images)
        for effect, true in zip(found.values(), truth, strict=True):
            if effect.low is None or effect.high is None:
                without_interval += 1
            else:
                covered.append(effect.low <= true <= effect.high)
        words = {verdict(effect) for effect in simulate(random, [0.0] * tricks, seeds, images).values()}
        helps += "helps" in words
        hurts += "hurts" in words
    return {
        "covered": float(np.mean(covered)),
        "without_interval": without_interval,
        "helps": helps / ablations,
        "hurts": hurts / ablations,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ablations", type=int, default=1000)
    parser.add_argument("--tricks", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=2000)
    arguments = parser.parse_args()
    print(f"{arguments.ablations:,} ablations of {arguments.tricks} tricks, {arguments.seeds} seeds:")
    for images, name in ((None, "normal outcomes"), (arguments.images, f"whole images of {arguments.images:,}")):
        found = measure(arguments.ablations, arguments.tricks, arguments.seeds, images)
        print(
            f"  {name:22} intervals cover {found['covered']:.1%} ({found['without_interval']} without one); "
            f"of null ablations any helps in {found['helps']:.1%}, any hurts in {found['hurts']:.1%}"
        )
