"""What the runs of an ablation say of each trick."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from kerastricks.commands.ablation.designs import Comparison
from kerastricks.commands.ablation.statistics import effects, verdict

FIGURES = ("accuracy", "loss", "ms_per_step", "peak_memory")


def verdicts(
    arms: Sequence[Mapping[str, Any]], comparisons: Sequence[Comparison], seeds: Sequence[int]
) -> list[dict[str, Any]]:
    """Returns the effect of each trick on each figure, over the first seeds of which all arms that it needs are there.

    In the order of seeds, always valid, and p corrected for all `comparisons`: see `statistics.effects`.

    Args:
        arms: `{"name": ..., "runs": [...]}`, with runs as `kerastricks.commands.ablation.jobs.attempt` returns them.
        comparisons: See `kerastricks.commands.ablation.designs.arms`.
        seeds: All that are to be made, in their order, whether they are there or not.

    Returns:
        One dictionary a comparison whose arms have all begun, with the runs that failed in `failures`. Where no seed is
        whole, the figures are None and the verdict gives the reason.
    """
    runs = {arm["name"]: {run["seed"]: run for run in arm["runs"]} for arm in arms}
    whole = {one: _whole(one, runs, seeds) for one in comparisons}
    measured: dict[str, dict] = {}
    for figure in FIGURES:

        def mean(side: Sequence[str], seed: int, figure: str = figure) -> float:
            return fmean(runs[name][seed][figure] for name in side)

        sides = {
            one.trick: ([mean(one.having, seed) for seed in made], [mean(one.lacking, seed) for seed in made])
            for one in comparisons
            if (made := whole[one])
        }
        measured[figure] = effects(sides, planned=len(comparisons))
    found = []
    for one in comparisons:
        reasons = [
            f"{name}, seed {seed}: {run['error']}"
            for name in (*one.having, *one.lacking)
            for seed, run in runs[name].items()
            if "error" in run
        ]
        if not whole[one] and not reasons:
            continue  # not there yet
        figures = {
            figure: dataclasses.asdict(measured[figure][one.trick]) if whole[one] else None for figure in FIGURES
        }
        said = verdict(measured["accuracy"][one.trick]) if whole[one] else f"failed: {reasons[0]}"
        found.append(
            {
                "trick": one.trick,
                "arm": ", ".join(one.having),
                "against": ", ".join(one.lacking),
                **figures,
                "verdict": said,
                "failures": reasons,
            }
        )
    return found


def _whole(one: Comparison, runs: Mapping[str, Mapping[int, Mapping[str, Any]]], seeds: Sequence[int]) -> list[int]:
    """Returns the first seeds, up to one that an arm of a comparison still lacks, without those of which a run failed.

    Where runs are made side by side, a later seed may be whole before: with it, the verdict would rest on another
    sequence of seeds than it will in the end.
    """
    names = (*one.having, *one.lacking)
    made = itertools.takewhile(lambda seed: all(seed in runs[name] for name in names), seeds)
    return [seed for seed in made if all("accuracy" in runs[name][seed] for name in names)]
