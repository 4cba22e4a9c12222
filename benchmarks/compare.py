"""Two recipes on equal images, epochs and seeds.

    python benchmarks/compare.py DATA baseline cifar [--images 2000] [--epochs 15] [--seeds 3]

Prints the validation accuracy of each, mean and deviation over seeds, and the difference of the pairs with its
interval.
"""

import argparse
import statistics

from kerastricks.commands.ablation.jobs import Job, run
from kerastricks.commands.ablation.statistics import paired
from kerastricks.commands.environment import environment
from kerastricks.commands.task import TrainTask

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("recipes", nargs=2)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in asked.recipes}
    for seed in range(asked.seeds):
        for name, column in found.items():
            about = {"model": asked.model, "epochs": asked.epochs, "images": asked.images}
            task = TrainTask(asked.data, recipe=name, efficient=True, seed=seed, **about)
            column.append(100 * run(Job(task))["accuracy"])
            print(f"# seed {seed}, {name}: {column[-1]:.2f} %", flush=True)
    about = environment()
    print(
        f"{asked.model}, {asked.images:,} images of {asked.data}, {asked.epochs} epochs, {asked.seeds} seeds, "
        f"on {about['backend']}; {about['hardware']}"
    )
    print(", ".join(f"{name} {number}" for name, number in about["versions"].items()))
    print("validation accuracy, mean (deviation over seeds):")
    for name, column in found.items():
        print(f"  {name:12} {statistics.mean(column):6.2f} % ({statistics.stdev(column):.2f})")
    gain = paired(*reversed(found.values()))
    print(f"  {'difference':12} {gain.mean:+6.2f} points, 95 % [{gain.low:+.2f}, {gain.high:+.2f}]")
