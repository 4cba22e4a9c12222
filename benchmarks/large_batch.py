"""The tutorial's first claim: what a large batch costs, and how much of it four heuristics bring back.

    python benchmarks/large_batch.py FOLDER [--images 5000] [--epochs 8] [--batch 1024] [--seeds 3]

ResNet-20 with cosine decay, trained at batch 128 and rate 0.1; at the large batch with nothing else changed; and at the
large batch with linear scaling, warmup, zero γ and no bias decay. Runs pair by seed; all see the same images as often.
"""

import argparse
import statistics

import kerastricks as kt
from kerastricks.commands.ablation.jobs import Job, run
from kerastricks.commands.ablation.statistics import paired
from kerastricks.commands.environment import environment
from kerastricks.commands.task import TrainTask

SMALL = 128
PLAIN = (kt.RandomFlip(), kt.RandomCrop(4))
HEURISTICS = (kt.LinearScaling(SMALL), kt.Warmup(1), kt.CosineDecay(), kt.ZeroGamma(), kt.NoBiasDecay(), *PLAIN)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=1_024)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    arms = {
        f"batch {SMALL}": (SMALL, (kt.CosineDecay(), *PLAIN)),
        f"batch {arguments.batch:,}, nothing else changed": (arguments.batch, (kt.CosineDecay(), *PLAIN)),
        f"batch {arguments.batch:,}, the four heuristics": (arguments.batch, HEURISTICS),
    }
    found: dict[str, list[float]] = {name: [] for name in arms}
    for seed in range(arguments.seeds):
        for name, (batch, tricks) in arms.items():
            length = {"epochs": arguments.epochs, "batch_size": batch, "images": arguments.images}
            task = TrainTask(arguments.data, recipe=kt.Recipe(tricks), efficient=True, seed=seed, **length)
            found[name].append(100 * run(Job(task))["accuracy"])
            print(f"# seed {seed}, {name}: {found[name][-1]:.2f} %", flush=True)
    about = environment()
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    print(
        f"resnet20, up to {arguments.images:,} images of {arguments.data}, {arguments.epochs} epochs, "
        f"{arguments.seeds} seeds, on {about['backend']}; {about['hardware']}"
    )
    print(f"{versions}\nvalidation accuracy, mean (deviation over seeds):")
    for name, column in found.items():
        print(f"  {name:36} {statistics.mean(column):6.2f} % ({statistics.stdev(column):.2f})")
    small, naive, helped = found.values()
    lost, back = paired(naive, small), paired(helped, naive)
    for name, effect in (("the large batch costs", lost), ("the heuristics bring back", back)):
        print(f"  {name:36} {effect.mean:+6.2f} points, 95 % [{effect.low:+.2f}, {effect.high:+.2f}]")
    print(f"  {'that is, of what was lost,':36} {-back.mean / lost.mean:6.0%}")
