"""The tutorial's tricks in the order of the paper, in batches of 1,024: what each adds, what heuristics bring back.

    python benchmarks/ladder.py FOLDER --out DIRECTORY [--seeds 5] [--epochs 10] [--images N] [--workers 2]
    python benchmarks/ladder.py FOLDER --out OTHER --rungs        # without and with the four heuristics alone

What does ResNet-20 with step decay, tuned for batches of 128 (`recipes/step_decay.py`), lose in batches of 1,024 for as
many epochs? The heuristics of the paper's section 3 (linear scaling, warmup, zero γ, no bias decay) are to bring it
back; cosine decay and label smoothing (section 5) come on top. Each rung is a recipe file, `recipes/batch_1024*.py`.
Runs pair by seed, and finished ones are kept: the same command goes on. The intervals hold however often seeds are
added and looked at, as those of `kerastricks ablate`, each for its row alone.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

import kerastricks as kt
from kerastricks.commands.ablation import sequential
from kerastricks.commands.ablation.statistics import always_valid, paired

RECIPES = Path(__file__).parent / "recipes"
SMALL, FOOT, HELPED = "step_decay", "batch_1024", "batch_1024_no_bias_decay"
TITLES = {
    SMALL: "batch 128",
    FOOT: "batch 1,024, nothing else",
    "batch_1024_scaling": "+ linear scaling",
    "batch_1024_warmup": "+ warmup of an epoch",
    "batch_1024_zero_gamma": "+ zero γ",
    HELPED: "+ no bias decay: all four",
    "batch_1024_cosine": "+ cosine in place of steps",
    "batch_1024_smoothing": "+ label smoothing",
}
RUNGS = list(TITLES)[1:]


def share(back: Sequence[float], lost: Sequence[float]) -> tuple[float, float, float]:
    """Returns the ratio of two paired means with its 95 % interval, by Fieller (1954); ends are infinite without one.

    The interval holds each r at which the always-valid test does not reject that back − r · lost has mean 0.
    """
    n, a, b = len(back), statistics.mean(back), statistics.mean(lost)
    t = float(sequential.threshold(n)) ** 2 / n
    va, vb, cov = statistics.variance(back), statistics.variance(lost), statistics.covariance(back, lost)
    square, linear, constant = b * b - t * vb, a * b - t * cov, a * a - t * va
    root = linear * linear - square * constant
    if square <= 0 or root < 0:  # the loss itself may be 0
        return a / b, -float("inf"), float("inf")
    return a / b, (linear - root**0.5) / square, (linear + root**0.5) / square


def change(upper: Sequence[float], lower: Sequence[float]) -> str:
    """Returns what one column of accuracies has over another, with its interval."""
    effect = always_valid(paired(upper, lower))
    ends = "(no interval)" if effect.low is None else f"[{effect.low:+.2f}, {effect.high:+.2f}]"
    return f"{effect.mean:+6.2f} {ends}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--out", default="runs/ladder")
    for name, default in (("seeds", 5), ("epochs", 10), ("images", None), ("workers", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rungs", nargs="*", choices=RUNGS, default=RUNGS)
    arguments = parser.parse_args()
    if arguments.seeds < sequential.FEWEST:
        parser.error(f"an interval needs {sequential.FEWEST} seeds or more. Received: --seeds {arguments.seeds}")
    *lower, top = [name for name in RUNGS if name in (FOOT, HELPED, *arguments.rungs)]
    found = kt.ablate(
        arguments.data,
        say=lambda line: print(f"# {line}", flush=True),
        recipe=str(RECIPES / f"{top}.py"),
        against=[str(RECIPES / f"{name}.py") for name in (SMALL, *lower)],
        efficient=True,
        **{name: getattr(arguments, name) for name in ("out", "seeds", "epochs", "images", "workers")},
    ).result
    if any("error" in run for arm in found["arms"] for run in arm["runs"]):
        parser.exit(1, f"Runs failed, so that no interval can be given: see {arguments.out}\n")
    figures = {arm["name"]: [100 * run["accuracy"] for run in arm["runs"]] for arm in found["arms"]}
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    print(
        f"{found['model']}, {found['train_images']:,} images of {Path(found['data']).name}, {found['epochs']} epochs, "
        f"{len(found['seeds'])} seeds, on {found['backend']}; {found['hardware']}\n{versions}"
    )
    over = "points over the row above, 95 %"
    print(f"{'accuracy, % (deviation)':44}   {over}  each seed's")
    above = SMALL
    for name in (SMALL, *lower, top):
        column = figures[name]
        gain = "" if name == SMALL else change(column, figures[above])
        each = " ".join(f"{one:.2f}" for one in column)
        average = f"{statistics.mean(column):6.2f} ({statistics.stdev(column):.2f})"
        print(f"  {TITLES[name]:28} {average}   {gain:{len(over)}}  {each}")
        above = name
    gains = {name: [one - other for one, other in zip(figures[name], figures[FOOT], strict=True)] for name in figures}
    ratio, low, high = share(gains[HELPED], gains[SMALL])
    print(f"the large batch costs {change(figures[SMALL], figures[FOOT])} points")
    print(f"the four heuristics bring back {change(figures[HELPED], figures[FOOT])}")
    print(f"that is, of what was lost, {ratio:.0%}, 95 % [{low:.0%}, {high:.0%}]")
