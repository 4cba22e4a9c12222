"""Writes docs/results.md and its plots from the results of ablations.

    python benchmarks/results.py runs/ablate-… [runs/ablate-… …] [--printed FILE …]

Each directory is one that `kerastricks ablate` left behind; each FILE begins with the command that printed it.
"""

import argparse
import json
import statistics
from pathlib import Path

from kerastricks.report.ablation import effects_plot
from kerastricks.report.ablation_text import interval, points, probability, signed

DOCS = Path(__file__).parents[1] / "docs"


def arms_table(arms: list[dict]) -> list[str]:
    """Returns the accuracies of the arms, mean and deviation, as lines of Markdown."""
    lines = ["| arm | accuracy, mean | deviation | seeds |", "|---|---|---|---|"]
    for arm in arms:
        accuracies = [100 * run["accuracy"] for run in arm["runs"] if "accuracy" in run]
        spread = f"{statistics.stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
        lines.append(f"| {arm['name']} | {statistics.mean(accuracies):.2f} % | {spread} | {len(accuracies)} |")
    return lines


def section(result: dict, picture: str) -> list[str]:
    """Returns what an ablation found, as lines of Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    lines = [
        f"## {result['data']}: {result['recipe']}, {result['design']}\n",
        f"{result['model']}, {result['train_images']:,} training images, {result['validation_images']:,} for "
        f"validation, {result['epochs']} epochs, batch {result['batch_size']}, {len(result['seeds'])} seeds, on "
        f"{result['backend']}; {result['hardware']}; {versions}.\n",
        f"```sh\n{result['command']}\n```\n",
        f"![Effect of each trick on the accuracy, with 95 % intervals]({picture})\n",
        "| trick | points of accuracy [95 %] | Holm p | ms a step | verdict |",
        "|---|---|---|---|---|",
    ]
    for effect in result["effects"]:
        accuracy, cost = effect["accuracy"], effect["ms_per_step"]
        shown = f"{points(accuracy)} {interval(accuracy)}".strip()
        took = signed(cost["mean"], 1) if cost else ""
        lines.append(f"| {effect['trick']} | {shown} | {probability(accuracy)} | {took} | {effect['verdict']} |")
    return [*lines, "", *arms_table(result["arms"]), ""]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", type=Path, nargs="+")
    parser.add_argument("--printed", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    lines = [
        "# Which tricks help\n",
        "Written by `benchmarks/results.py` from what the commands below left behind. Small images, few of them and",
        "few epochs: what a trick does here is no promise for a long run of a large network. Intervals are over",
        "seeds. What a step costs was taken while other work ran beside.\n",
    ]
    for directory in arguments.directories:
        result = json.loads((directory / "results.json").read_text(encoding="utf-8"))
        picture = f"results-{Path(result['data']).name}-{result['design']}.svg"
        (DOCS / picture).write_text(effects_plot(result["effects"]), encoding="utf-8")
        lines += section(result, picture)
    for path in arguments.printed:
        kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        title = path.stem.replace("-", " ")
        lines += [f"## {title[0].upper()}{title[1:]}\n", "```", *kept, "```\n"]
    (DOCS / "results.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
