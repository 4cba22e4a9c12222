"""The tutorial's first claim: what a large batch costs, and how much of it four heuristics bring back.

    python benchmarks/large_batch.py FOLDER --out DIRECTORY [--seeds 5] [--epochs 10] [--images N] [--workers 2]

ResNet-20 with cosine decay, trained at batch 128 and rate 0.1; at batch 1,024 with nothing else changed; and at 1,024
with linear scaling, warmup, zero γ and no bias decay: the recipes `batch_*.py` of `benchmarks/recipes`. Runs pair by
seed; all see the same images as often. Finished runs are kept: the same command goes on. The intervals are Student's,
for a number of seeds that was fixed before.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from scipy import stats

import kerastricks as kt
from kerastricks.commands.ablation.statistics import paired

RECIPES = Path(__file__).parent / "recipes"
HELPED, NAIVE, SMALL = ("batch_1024_heuristics", "batch_1024", "batch_128")


def share(back: Sequence[float], lost: Sequence[float]) -> tuple[float, float, float]:
    """Returns the ratio of two paired means with its 95 % interval, by Fieller (1954); ends are infinite without one.

    The interval holds each r for which a t-test does not reject that back − r · lost has mean 0.
    """
    n, a, b = len(back), statistics.mean(back), statistics.mean(lost)
    t = stats.t.isf(0.025, n - 1) ** 2 / n
    va, vb, cov = statistics.variance(back), statistics.variance(lost), statistics.covariance(back, lost)
    square, linear, constant = b * b - t * vb, a * b - t * cov, a * a - t * va
    root = linear * linear - square * constant
    if square <= 0 or root < 0:  # the loss itself may be 0
        return a / b, -float("inf"), float("inf")
    return a / b, (linear - root**0.5) / square, (linear + root**0.5) / square


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--out", default="runs/large-batch")
    for name, default in (("seeds", 5), ("epochs", 10), ("images", None), ("workers", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    found = kt.ablate(
        arguments.data,
        say=lambda line: print(f"# {line}", flush=True),
        recipe=str(RECIPES / f"{HELPED}.py"),
        against=[str(RECIPES / f"{name}.py") for name in (NAIVE, SMALL)],
        efficient=True,
        **{name: getattr(arguments, name) for name in ("out", "seeds", "epochs", "images", "workers")},
    ).result
    if arguments.seeds < 2 or any("error" in run for arm in found["arms"] for run in arm["runs"]):
        parser.exit(1, f"An interval needs two seeds or more, and runs that did not fail: see {arguments.out}\n")
    figures = {arm["name"]: [100 * run["accuracy"] for run in arm["runs"]] for arm in found["arms"]}
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    print(
        f"{found['model']}, {found['train_images']:,} images of {Path(found['data']).name}, {found['epochs']} epochs, "
        f"{len(found['seeds'])} seeds, on {found['backend']}; {found['hardware']}"
    )
    print(f"{versions}\nvalidation accuracy, mean (deviation over seeds); Student's intervals:")
    for name, column in figures.items():
        print(f"  {name:28} {statistics.mean(column):6.2f} % ({statistics.stdev(column):.2f})")
    lost, back = paired(figures[SMALL], figures[NAIVE]), paired(figures[HELPED], figures[NAIVE])
    for title, effect in (("the large batch costs", lost), ("the heuristics bring back", back)):
        print(f"  {title:28} {effect.mean:+6.2f} points, 95 % [{effect.low:+.2f}, {effect.high:+.2f}]")
    gains = {name: [one - other for one, other in zip(figures[name], figures[NAIVE], strict=True)] for name in figures}
    ratio, low, high = share(gains[HELPED], gains[SMALL])
    print(f"  {'that is, of what was lost':28} {ratio:6.0%}, 95 % [{low:.0%}, {high:.0%}]")
