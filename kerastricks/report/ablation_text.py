"""An ablation as lines of text, and as rows of a table of runs."""

import csv
import io
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kerastricks.report.rows import harmless

COLUMNS = ("arm", "seed", "accuracy", "loss", "ms_per_step", "peak_memory", "seconds", "error")


def table(result: Mapping[str, Any]) -> str:
    """Returns one line per trick: its effect in points of accuracy, Holm's p, the change of a step's time, the verdict.

    Args:
        result: What `results.json` holds; also of an ablation that still runs.
    """
    found = result["effects"]
    if not found:
        return "no trick has been compared yet"
    rows = [("trick", "points of accuracy [95 %]", "Holm p", "ms/step", "verdict")]
    for name, effect in zip(names(found), found, strict=True):
        cost = effect.get("ms_per_step")
        rows.append(
            (
                name,
                f"{points(effect['accuracy'])} {interval(effect['accuracy'])}".rstrip(),
                probability(effect["accuracy"]),
                signed(cost["mean"], 1) if cost else "",
                effect["verdict"] + missing(effect),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"{name:{widths[0]}}  {shown:{widths[1]}}  {p:>{widths[2]}}  {cost:>{widths[3]}}  {words}".rstrip()
        for name, shown, p, cost, words in rows
    )


def missing(effect: Mapping[str, Any]) -> str:
    """Returns how many runs are missing where others gave a verdict."""
    count = len(effect.get("failures", ())) if effect["accuracy"] is not None else 0
    return f" ({count} run{'s' * (count > 1)} failed)" if count else ""


def csv_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns one row per run, with the keys `COLUMNS`; values that a run does not have are empty."""
    return [
        {column: {"arm": arm["name"], **run}.get(column, "") for column in COLUMNS}
        for arm in result["arms"]
        for run in arm["runs"]
    ]


def csv_text(result: Mapping[str, Any]) -> str:
    """Returns the rows of `csv_rows` as CSV; what a spreadsheet would take for a formula gets a `'` before it."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS)
    writer.writeheader()
    for row in csv_rows(result):
        writer.writerow({name: harmless(cell) if isinstance(cell, str) else cell for name, cell in row.items()})
    return stream.getvalue()


def names(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the names of effects: the trick, and where it is compared more than once, with its two arms."""
    times = Counter(effect["trick"] for effect in found)
    return [
        effect["trick"] if times[effect["trick"]] == 1 else f"{effect['trick']} ({effect['arm']} − {effect['against']})"
        for effect in found
    ]


def kind(effect: Mapping[str, Any]) -> str:
    """Returns `helps`, `hurts`, `failed` where no figure was obtained, or else `open`."""
    if effect["accuracy"] is None:
        return "failed"
    return effect["verdict"] if effect["verdict"] in ("helps", "hurts") else "open"


def points(accuracy: Mapping[str, Any] | None) -> str:
    """Returns the mean of an effect on accuracy in percentage points, as `+1.20`."""
    return "" if accuracy is None else signed(100 * accuracy["mean"], 2)


def interval(accuracy: Mapping[str, Any] | None) -> str:
    """Returns the interval of an effect on accuracy in percentage points, as `[+0.40, +2.00]`; empty without one."""
    if accuracy is None or accuracy["low"] is None:
        return ""
    if not is_useful(accuracy):
        return f"(no useful interval from {accuracy['seeds']} seeds)"
    return f"[{signed(100 * accuracy['low'], 2)}, {signed(100 * accuracy['high'], 2)}]"


def is_useful(accuracy: Mapping[str, Any]) -> bool:
    """Returns whether there is an interval of an effect on accuracy, and it does not pass what is possible, ±100."""
    return accuracy["low"] is not None and -1 <= accuracy["low"] <= accuracy["high"] <= 1


def probability(accuracy: Mapping[str, Any] | None) -> str:
    """Returns Holm's p of an effect, as `0.012` or `<0.001`; empty without one."""
    if accuracy is None or accuracy["p_holm"] is None:
        return ""
    return "<0.001" if accuracy["p_holm"] < 0.001 else f"{accuracy['p_holm']:.3f}"


def signed(value: float, digits: int) -> str:
    """Returns a number with its sign; what rounds to zero has none."""
    shown = f"{value:+.{digits}f}"
    return shown[1:] if float(shown) == 0 else shown.replace("-", "−")


def spread(values: Sequence[float], digits: int) -> str:
    """Returns mean and standard deviation, as `93.10 ± 0.42`; one value stands alone."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean
