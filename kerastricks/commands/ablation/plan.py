"""How many seeds would settle an ablation, and how long they take, from the seeds that are there. It trains nothing."""

import dataclasses
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import keras
from scipy import stats

from kerastricks.commands.ablation import store
from kerastricks.commands.ablation.arms import arms
from kerastricks.commands.ablation.designs import Comparison
from kerastricks.commands.ablation.statistics import MOST_SEEDS, seeds_needed
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.ablation.verdicts import verdicts
from kerastricks.data.source import name_of
from kerastricks.report.ablation_text import kind, names, signed

POINTS = (0.1, 0.2, 0.5, 1.0, 2.0)


@dataclasses.dataclass(frozen=True)
class SeedPlan:
    """What more seeds would settle. Print it for the table.

    Attributes:
        rows: A dictionary a trick: `trick`, `mean` and `deviation` of the differences in points of accuracy, `seeds`,
            `settled`, and `needed`, the seeds in all that settle an effect by the points of the effect, None for more
            than 100; `needed_seen` for the effect seen. What cannot be known yet is None, too. A trick whose runs
            failed has the reason in `failed`, and no figures.
        seeds: Seeds so far, of the trick that has most.
        comparisons: How many tricks are judged together.
        arms: How many runs a seed takes.
        seconds: Time of one more seed, by the median run of each arm: one that was resumed counts its last part alone.
    """

    rows: list[dict[str, Any]]
    seeds: int
    comparisons: int
    arms: int
    seconds: float

    def cost(self, needed: int | None, made: int | None = None) -> str:
        """Returns how much longer it takes until there are so many seeds, such as `2.5 h`; None for over 100."""
        seconds = max(0, (needed or MOST_SEEDS) - (made or self.seeds)) * self.seconds
        if seconds >= 3600:
            shown = f"{seconds / 3600:.1f} h"
        else:
            shown = f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
        return f"{'' if needed else '>'}{shown}"

    @property
    def told(self) -> str:
        """The table."""
        return str(self)

    def __str__(self):
        lines = [("trick", "seen", "deviation", *(f"{size:g}" for size in POINTS), "the effect seen")]
        for row in self.rows:
            if "failed" in row:
                lines.append((row["trick"], "", "", *[""] * len(POINTS), row["failed"]))
                continue
            figures = (signed(row["mean"], 2), f"{row['deviation']:.2f}")
            if row["needed"] is None:
                words = "settled" if row["settled"] else "no deviation" + " yet" * (row["seeds"] == 1)
                lines.append((row["trick"], figures[0], "", *[""] * len(POINTS), words))
                continue
            seen = f"{_number(row['needed_seen'])}: {self.cost(row['needed_seen'], row['seeds'])} more"
            needed = (_number(row["needed"][size]) for size in POINTS)
            lines.append((row["trick"], *figures, *needed, "settled" if row["settled"] else seen))
        if any(row.get("needed") is not None for row in self.rows):
            lines.append(("time for all of them", "", "", *map(self._longest, POINTS), ""))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = (
            "  ".join([f"{first:{widths[0]}}", *map(str.rjust, others, widths[1:-1]), last]).rstrip()
            for first, *others, last in lines
        )
        return "\n".join([*self._heading(), *table, *self._warning()])

    def _longest(self, size: float) -> str:
        """Returns how much longer the trick takes that takes longest; failed runs leave some with fewer seeds."""
        more = [(row["needed"][size], row["seeds"]) for row in self.rows if row.get("needed") is not None]
        needed, made = max(more, key=lambda one: (one[0] is None, (one[0] or MOST_SEEDS) - one[1]))
        return self.cost(needed, made)

    def _heading(self) -> list[str]:
        count = f"{self.seeds} seed{'s' * (self.seeds != 1)}"
        return [
            f"{count} so far; one more is {self.arms} runs and takes {self.cost(self.seeds + 1)}. Seeds in all that",
            "would settle an effect of so many points of accuracy, with a probability of 80 %:",
        ]

    def _warning(self) -> list[str]:
        seeds = [row["seeds"] for row in self.rows if row.get("needed") is not None]
        if not seeds:
            return []
        low, high = (((min(seeds) - 1) / stats.chi2.ppf(at, min(seeds) - 1)) ** 0.5 for at in (0.9, 0.1))
        return [
            f"A deviation of {min(seeds)} seeds is rough: the true one may be {low:.1f} to {high:.1f} times as large "
            "(an interval of 80 %)."
        ]


def _number(needed: int | None) -> str:
    return f">{MOST_SEEDS}" if needed is None else str(needed)


def seed_plan(task: AblateTask) -> SeedPlan:
    """Returns what more seeds would settle of an ablation that has begun.

    Raises:
        ValueError: If no trick can be compared yet, or the directory holds another ablation.
    """
    asked, settings = arms(task), task.settings()
    data = settings["data"] if not isinstance(task.data, str) or task.data == "digits" else name_of(task.data)
    folder = store.directory(task, data)
    if folder.exists():
        store.open_directory(folder, asked.settings(task))
    return planned(
        folder,
        list(asked.recipes),
        asked.comparisons,
        dataclasses.replace(task, plan=False, seeds=3).command("ablate", keras.backend.backend()),
        task.workers,
        task.seed,
    )


def planned(
    folder: Path,
    arms: Sequence[str],
    comparisons: Sequence[Comparison],
    command: str,
    workers: int = 1,
    first: int = 0,
) -> SeedPlan:
    """Returns what more seeds would settle.

    Args:
        folder: The directory of an ablation.
        arms: Names of its arms.
        comparisons: See `kerastricks.commands.ablation.designs.arms`.
        command: What makes the first seeds, for the message where there are none.
        workers: How many runs would be made side by side.
        first: The first seed; those that follow it without a gap count.

    Raises:
        ValueError: If no trick can be compared yet.
    """
    files = (re.search(r"-seed-(\d+)$", path.stem) for path in folder.glob("runs/*.json"))
    made = {int(number[1]) for number in files if number}
    seeds = list(itertools.takewhile(made.__contains__, itertools.count(first)))
    runs = store.Runs(folder, arms, seeds) if seeds else None
    found: list[dict[str, Any]] = [{"name": arm, "runs": runs.of(arm) if runs else []} for arm in arms]
    told = verdicts(found, comparisons, seeds)
    effects = [effect for effect in told if effect["accuracy"]]
    if not effects:
        reason = f" ({told[0]['verdict']})" if told else ""
        raise ValueError(
            f"{folder} holds no seed of which all runs are there{reason}, so there is nothing to plan from. Make the "
            f"first three, `{command}`, and ask again with --plan."
        )
    took = ([run["seconds"] for run in arm["runs"] if "seconds" in run] for arm in found)
    seconds = fmean(median(one) for one in took if one) * len(arms) / workers
    rows = [_row(name, effect) for name, effect in zip(names(effects), effects, strict=True)]
    failed = [{"trick": effect["trick"], "failed": effect["verdict"]} for effect in told if not effect["accuracy"]]
    most = max(row["seeds"] for row in rows)
    return SeedPlan(rows + failed, most, len(comparisons), len(arms), seconds)


def _row(name: str, effect: dict[str, Any]) -> dict[str, Any]:
    accuracy = effect["accuracy"]
    mean, deviation = 100 * accuracy["mean"], 100 * accuracy["deviation"]

    def needed(points: float, least: int = 1) -> int | None:
        return seeds_needed(points, deviation, accuracy["comparisons"], least)

    known = deviation > 0
    return {
        "trick": name,
        "mean": mean,
        "deviation": deviation,
        "seeds": accuracy["seeds"],
        "settled": kind(effect) != "open",
        "needed": {points: needed(points) for points in POINTS} if known else None,
        "needed_seen": needed(mean, accuracy["seeds"] + 1) if known else None,
    }
