"""The report of an ablation: one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks.report.ablation_text import (
    interval,
    is_useful,
    kind,
    missing,
    names,
    points,
    probability,
    signed,
    spread,
)
from kerastricks.report.plots import band_plot, interval_plot, scatter_plot
from kerastricks.report.render import render

DESIGNS = {
    "leave-one-out": "each trick left out of the full recipe",
    "add-one-in": "each trick added to the recipe without any",
    "ladder": "the tricks added one after the other",
    "all": "every combination of the tricks",
    "against": "against other recipes",
}
KINDS = ("helps", "hurts", "open", "failed")
EFFECT_COLUMNS = ("points", "95 % interval", "Holm p", "loss", "ms/step", "memory, MB")
ARM_COLUMNS = ("arm", "batch", "n", "accuracy, %", "loss", "ms/step", "peak memory, MB", "failed")


def ablation_page(result: Mapping[str, Any]) -> str:
    """Returns the page as HTML: the verdict, effects, curves, cost against gain, arms, what was run, the command.

    Args:
        result: What `results.json` holds; also of an ablation that still runs.
    """
    found = result["effects"]
    named = list(zip(names(found), found, strict=True))
    measured = [(name, effect) for name, effect in named if effect["accuracy"] is not None]
    by_kind = sorted(named, key=lambda pair: KINDS.index(kind(pair[1])))
    return render(
        "ablation.html",
        result=result,
        design=DESIGNS.get(result["design"], result["design"]),
        subject="recipe" if result["design"] == "against" else "trick",
        summary=summary(found, result["design"]),
        always_valid=any(effect["accuracy"].get("always_valid") for _, effect in measured),  # not of earlier versions
        verdicts=[{"name": name, "kind": kind(effect), "words": _words(effect)} for name, effect in by_kind],
        effects_plot=effects_plot(found),
        cost_plot=_cost_plot(measured),
        effect_columns=("comparison" if result["design"] == "against" else "trick", *EFFECT_COLUMNS),
        effect_rows=[_effect_row(name, effect) for name, effect in measured],
        curves=_curves(result["arms"], found),
        arm_columns=ARM_COLUMNS,
        arm_rows=[_arm_row(arm) for arm in result["arms"]],
        failures=[
            (f"{arm['name']}, seed {run['seed']}", run["error"])
            for arm in result["arms"]
            for run in arm["runs"]
            if run.get("error")
        ],
        facts=_facts(result),
    )


def summary(found: Sequence[Mapping[str, Any]], design: str = "") -> str:
    """Returns the verdict over all tricks in a sentence, such as `2 of 7 tricks help, 1 hurts, 4 are not settled`.

    Args:
        found: The `effects` of an ablation.
        design: Its design; `against` compares recipes, not tricks.
    """
    if not found:
        return "Nothing has been compared yet" if design == "against" else "No trick has been compared yet"
    kinds = [kind(effect) for effect in found]
    if design == "against":
        counts = {words: kinds.count(key) for key, words in (("helps", "is better than"), ("hurts", "is worse than"))}
        some = [f"{words} {count}" for words, count in counts.items() if count] or ["is not told apart from any"]
        return f"{found[0]['arm']} {' and '.join(some)} of {len(found)} other recipe{'s' * (len(found) > 1)}"
    words = {"helps": ("helps", "help"), "hurts": ("hurts", "hurt"), "failed": ("failed", "failed")}
    words["open"] = ("is not settled", "are not settled")
    counts = {key: kinds.count(key) for key in KINDS}
    parts = [f"{count} {words[key][count != 1]}" for key, count in counts.items() if count or key == "helps"]
    first, *rest = parts
    number, _, verb = first.partition(" ")
    total = f"{number} of {len(found)} {'comparison' if _repeats(found) else 'trick'}{'s' if len(found) > 1 else ''}"
    return ", ".join([f"{total} {verb}", *rest])


def _repeats(found: Sequence[Mapping[str, Any]]) -> bool:
    return len({effect["trick"] for effect in found}) < len(found)


def _words(effect: Mapping[str, Any]) -> str:
    accuracy, verdict = effect["accuracy"], effect["verdict"]
    if accuracy is None:
        return f": {verdict}"
    between = f" {interval(accuracy)}" if accuracy["low"] is not None else ""
    figures, failed = _unbroken(f"{points(accuracy)} points{between}"), missing(effect)
    if kind(effect) == "open":
        return f": {figures}; {verdict}{failed}"
    return f" {verdict}{failed}: {figures}, {_unbroken(f'Holm p {probability(accuracy)}')}"


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def effects_plot(found: Sequence[Mapping[str, Any]]) -> str:
    """Returns an SVG of the effects on accuracy with their intervals; empty where none was measured.

    Args:
        found: The `effects` of an ablation.
    """
    measured = [pair for pair in zip(names(found), found, strict=True) if pair[1]["accuracy"] is not None]
    if not measured:
        return ""
    rows = [
        (
            name.removeprefix(f"{effect['arm']} "),  # `over B`, where recipe A is compared with others
            100 * effect["accuracy"]["mean"],
            *(100 * effect["accuracy"][end] if is_useful(effect["accuracy"]) else None for end in ("low", "high")),
            kind(effect),
        )
        for name, effect in measured
    ]
    return interval_plot(rows, "points of accuracy")


def _cost_plot(measured: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    dots = [
        (name, effect["ms_per_step"]["mean"], 100 * effect["accuracy"]["mean"], kind(effect))
        for name, effect in measured
        if effect.get("ms_per_step")
    ]
    return scatter_plot(dots, "change of a step's time, ms", "points of accuracy") if dots else ""


def _effect_row(name: str, effect: Mapping[str, Any]) -> list[str]:
    accuracy, loss, time, memory = (effect.get(key) for key in ("accuracy", "loss", "ms_per_step", "peak_memory"))

    def change(figure: Mapping[str, Any] | None, scale: float, digits: int) -> str:
        if not figure:
            return ""
        ends = [figure[end] for end in ("low", "high") if figure[end] is not None]
        between = f" [{', '.join(signed(end * scale, digits) for end in ends)}]" if ends else ""
        return f"{signed(figure['mean'] * scale, digits)}{between}"

    return [
        name,
        points(accuracy),
        interval(accuracy),
        probability(accuracy),
        change(loss, 1, 4),
        change(time, 1, 1),
        change(memory and {**memory, "low": None, "high": None}, 1e-6, 0),
    ]


def _arm_row(arm: Mapping[str, Any]) -> list[str]:
    done = [run for run in arm["runs"] if not run.get("error")]

    def over(key: str, scale: float, digits: int) -> str:
        values = [run[key] * scale for run in done if run.get(key) is not None]
        return spread(values, digits) if values else ""

    figures = [over("accuracy", 100, 2), over("loss", 1, 4), over("ms_per_step", 1, 1), over("peak_memory", 1e-6, 0)]
    return [
        arm["name"],
        str(arm.get("batch_size", "")),
        str(len(done)),
        *figures,
        str(len(arm["runs"]) - len(done) or ""),
    ]


def _curves(arms: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Returns the plot of each arm, with the earlier arm that it is compared with in grey."""
    runs = {arm["name"]: _histories(arm) for arm in arms}
    drawn = {name: curves for name, curves in runs.items() if curves}
    values = np.concatenate([curve for curves in drawn.values() for curve in curves]) if drawn else np.zeros(0)
    if not values.size:
        return {}
    low, high = float(np.quantile(values, 0.1)), float(values.max())
    margin = 0.05 * (high - low) or 0.01
    partners: dict[str, set[str]] = {name: set() for name in runs}
    for effect in found:
        for one, other in ((effect["arm"], effect["against"]), (effect["against"], effect["arm"])):
            partners.setdefault(one, set()).add(other)
    plots: dict[str, str] = {}
    for name, curves in drawn.items():
        reference = next((other for other in plots if other in partners[name]), None)
        shown = {reference: drawn[reference]} if reference else {}
        plots[name] = band_plot(
            {**shown, name: curves}, "epoch", "validation accuracy", (low - margin, min(1.0, high) + margin)
        )
    return plots


def _histories(arm: Mapping[str, Any]) -> list[list[float]]:
    curves = (run.get("history", {}).get("val_accuracy", []) for run in arm["runs"] if not run.get("error"))
    return [curve for curve in curves if curve]


def _facts(result: Mapping[str, Any]) -> dict[str, Any]:
    runs = [run for arm in result["arms"] for run in arm["runs"]]
    return {
        "data": result["data"],
        "images": f"{result['train_images']:,} to train, {result['validation_images']:,} to validate",
        "classes": f"{len(result['classes'])}: {', '.join(result['classes'])}",
        "model": result["model"],
        "recipe": result["recipe"],
        "design": result["design"],
        "epochs": result["epochs"],
        "batch size": result["batch_size"],
        "seeds": ", ".join(map(str, result["seeds"])),
        "runs": f"{len(runs)} in {result['seconds']:,.0f} s",
        "backend": result["backend"],
        "hardware": result["hardware"],
        "versions": ", ".join(f"{name} {number}" for name, number in result["versions"].items()),
    }
