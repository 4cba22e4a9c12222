"""Writes docs/results.md, its plots and the evidence in README.md from what measurements left behind.

    python benchmarks/results.py [NAME=DIRECTORY …] [--printed FILE …]

Each DIRECTORY is one that `kerastricks ablate` left behind, or a file in its form, as `benchmarks/finetune.py --json`
writes it; it is kept as docs/evidence/NAME.json. Each FILE, kept there too, says in its first line where it comes from.
Without arguments the pages are written anew from what is kept.
"""

import argparse
import json
import re
import shlex
import shutil
import statistics
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastricks.report.ablation import effects_plot
from kerastricks.report.ablation_text import interval, missing, points, probability
from kerastricks.report.plots import band_plot

ROOT = Path(__file__).parents[1]
DOCS, KEPT = ROOT / "docs", ROOT / "docs" / "evidence"
BEGIN, END = "<!-- written by benchmarks/results.py -->", "<!-- end -->"
INTRODUCTION = """# What the tricks bring

Written by `benchmarks/results.py` from the measurements in [evidence](evidence); the command stands beside each.
*Deviation* is the standard deviation over seeds; runs pair by seed; intervals and p of the tables hold however often
one looks, p for all comparisons of a table together: [how to read them](ablation.md). What the tricks cost in time
stands in [overhead](overhead.md), what goes wrong with too little data in [small data](small_data.md).

CIFAR-10 is a copy in JPEG, which loses detail: a figure stands beside others on the same files, not beside published
ones. The test images lie in the folder as `val/`, so that all of `train/` is trained on and they judge; nothing was
chosen by them. `baseline` is the shipped recipe, SGD at a constant rate; `step_decay` and the `batch_1024` ones are
files of [benchmarks/recipes](../benchmarks/recipes). The groceries are 27 of the 81 classes of the [Grocery Store
Dataset](https://github.com/marcusklasson/GroceryStoreDataset) (Klasson et al., 2019).
"""

WHY = {
    "cifar": """\
Of the recipe's six tricks, cosine decay brings most, and is settled; warmup and crops bring less, alike in each of the
three seeds, and two seeds more should settle them. Averaged weights bring nothing beside it, and that within 0.15
points: at the end of a cosine the last weights hardly move. None was found to hurt, so the recipe stays as it was
tuned.
""",
    "finetune": """\
Groceries at 160 pixels: `train/` to train on, and as `val/` the half of `test/` on which nothing was chosen. No trick
is told apart from nothing: accuracies of an arm have a deviation of one to three points, and every interval holds 0.
The whole recipe, optimizer and rates included, is compared with plain Keras below.
""",
    "the-ladder": """\
Linear scaling alone begins at a rate of 0.8, at which the network is still at chance after an epoch, and does not
recover in ten; with one epoch of warmup the two bring back what comes back at all, 5.2 of 6.6 points. Zero γ, no bias
decay and label smoothing are not told apart from nothing: a ResNet-20 underfits in ten epochs, and the paper's networks
are deeper, wider and trained twelve times as long. Cosine decay came out above steps, by 0.8 points. The intervals of
this table are Student's, half as wide as those of the others, for three seeds that were fixed before.
""",
    "the-large-batch": """\
The ladder without and with the four heuristics alone, over five seeds, all runs of both made anew on a machine of the
same kind, where a run is not the same to the bit; the runs at 128 are the earlier ones.
""",
}  # what a measurement means, after it


def versions(result: dict) -> str:
    """Returns the backend, the machine and the versions, in words."""
    numbers = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return f"{result['backend']}; {result['hardware']}; {numbers}"


def accuracies(arm: dict) -> list[float]:
    """Returns the accuracies of an arm's runs, in percent."""
    return [100 * run["accuracy"] for run in arm["runs"] if "accuracy" in run]


def average(column: Sequence[float]) -> str:
    """Returns mean and deviation, as `84.02 (0.21)`."""
    if not column:
        return "failed"
    spread = f" ({statistics.stdev(column):.2f})" if len(column) > 1 else ""
    return f"{statistics.mean(column):.2f}{spread}"


def section(name: str, result: dict) -> list[str]:
    """Returns what was found, as lines of Markdown."""
    how = "" if result["design"] == "against" else f", {result['design']}"
    about = (
        f"{result['recipe']}{how}: {result['model']}, {result['train_images']:,} training images, "
        f"{result['validation_images']:,} to judge by, {result['epochs']} epochs, {len(result['seeds'])} seeds. "
        f"{versions(result)}.\n"
    )
    lines = [
        f"## {name[:1].upper()}{name[1:]}{how}\n",
        textwrap.fill(about, 120) + "\n",
        f"```sh\n{result['command']}\n```\n",
        *(f"![{alternative}]({file})\n" for file, (alternative, _) in pictures(name, result).items()),
        "| trick | points of accuracy [95 %] | Holm p | verdict |",
        "|---|---|---|---|",
    ]
    for effect in result["effects"]:
        accuracy = effect["accuracy"]
        shown = f"{points(accuracy)} {interval(accuracy)}".strip()
        said = effect["verdict"] + missing(effect)
        lines.append(f"| {effect['trick']} | {shown} | {probability(accuracy)} | {said} |")
    lines += ["", "| arm | accuracy, % (deviation) | seeds |", "|---|---|---|"]
    for arm in result["arms"]:
        column = accuracies(arm)
        lines.append(f"| {arm['name']} | {average(column)} | {len(column)} |")
    return [*lines, ""]


def command(words: str) -> str:
    """Returns a command with the folders of this machine by their last names."""
    short = (re.sub(r"^(--[a-z-]+=)?/.*/", r"\1", word.rstrip("/")) for word in shlex.split(words))
    return " ".join(word if re.fullmatch(r"[\w=./:,-]+", word) else shlex.quote(word) for word in short)


def summary(results: dict[str, dict]) -> list[str]:
    """Returns the evidence of the README: the recipes against others, a row each."""
    lines = [
        "| | accuracy, % (deviation) | the first is better by, points [95 %] | verdict | seeds |",
        "|---|---|---|---|---|",
    ]
    against = {name: result for name, result in results.items() if result["design"] == "against"}
    for name, result in against.items():
        what = (
            f"{name}: {result['train_images']:,} images, judged on {result['validation_images']:,}; "
            f"{result['model']}, {result['epochs']} epochs"
        )
        lines.append(f"| **{what[:1].upper()}{what[1:]}** | | | | |")
        effects = {effect["against"]: effect for effect in result["effects"]}
        for arm in result["arms"]:
            column, effect = accuracies(arm), effects.get(arm["name"])
            gain = f"{points(effect['accuracy'])} {interval(effect['accuracy'])}" if effect else ""
            said = effect["verdict"].partition(":")[0] if effect else ""
            lines.append(f"| {arm['name']} | {average(column)} | {gain} | {said} | {len(column)} |")
    machines = sorted({f"{result['backend']}; {result['hardware']}" for result in against.values()})
    about = f"Measured on {', and on '.join(machines)}."
    return [*lines, "", about, "[Commands and versions](docs/results.md), [every run](docs/evidence)."]


def pictures(name: str, result: dict) -> dict[str, tuple[str, str]]:
    """Returns words and SVG by file name: the effects, and for recipes against others their accuracy by epoch."""
    effects = ("Effects on the accuracy, with 95 % intervals", effects_plot(result["effects"]))
    found = {f"results-{name}.svg": effects}
    curves: dict[str, Any] = {
        arm["name"]: [run["history"]["val_accuracy"] for run in arm["runs"] if "history" in run]
        for arm in reversed(result["arms"])
    }
    if result["design"] == "against" and all(curves.values()):
        ends = [run[at] for runs in curves.values() for run in runs for at in (len(run) // 2, -1)]
        svg = band_plot(curves, "epoch", "validation accuracy", (min(ends) - 0.05, max(ends) + 0.02))
        found[f"results-{name}-curves.svg"] = ("Accuracy by epoch: mean and deviation over seeds", svg)
    return found


def keep(name: str, path: Path) -> None:
    """Copies what a measurement left behind, without what would differ from one machine to the next."""
    result = json.loads((path / "results.json" if path.is_dir() else path).read_text(encoding="utf-8"))
    recipe = result["recipe"]
    result |= {
        "data": Path(result["data"]).name,
        "recipe": Path(recipe).stem if recipe.endswith(".py") else recipe,
        "command": command(result["command"]),
    }
    (KEPT / f"{name}.json").write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def between(text: str, lines: Sequence[str]) -> str:
    """Returns `text` with `lines` in place of what stands between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([before + BEGIN, "", *lines, "", END + after])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", nargs="*", metavar="NAME=DIRECTORY")
    parser.add_argument("--printed", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    KEPT.mkdir(exist_ok=True)
    for name, _, directory in (words.partition("=") for words in arguments.measured):
        keep(name, Path(directory))
    for path in arguments.printed:
        shutil.copyfile(path, KEPT / path.name)
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(KEPT.glob("*.json"))}
    lines = [INTRODUCTION]
    for name, result in results.items():
        for file, (_, svg) in pictures(name, result).items():
            (DOCS / file).write_text(svg, encoding="utf-8")
        lines += section(name, result)
        if name in WHY:
            lines.append(WHY[name])
    for path in sorted(KEPT.glob("*.txt")):
        kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        title = path.stem.replace("-", " ")
        lines += [f"## {title[:1].upper()}{title[1:]}\n", "```", *kept, "```\n"]
        if path.stem in WHY:
            lines.append(WHY[path.stem])
    (DOCS / "results.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(between(readme.read_text(encoding="utf-8"), summary(results)), encoding="utf-8")
