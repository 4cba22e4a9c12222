"""The figures of `kerastricks evaluate`: as lines of text, and as one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerastricks.data.names import shown
from kerastricks.report.judgement import Judgement, in_words, percent, section
from kerastricks.report.render import render

WORST = 5  # classes


def evaluation_page(result: Mapping[str, Any], judgements: Mapping[str, Judgement], classes: Sequence[str]) -> str:
    """Returns the page as HTML.

    Args:
        result: What `evaluation.json` holds.
        judgements: The judgement of each model file.
        classes: Names of the classes; always shown as text, never as HTML.
    """
    facts = {name: result[name] for name in ("command", "image_size", "flips", "backend", "hardware")}
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return render(
        "evaluation.html",
        result=result,
        headline=" and ".join(percent(figures["accuracy"]) for figures in result["models"].values()),
        sides={file: section(judgement, classes) for file, judgement in judgements.items()},
        tables={
            file: [
                (row["class"], row["images"], *(_share(row[name]) for name in ("precision", "recall", "f1")))
                for row in figures["classes"]
            ]
            for file, figures in result["models"].items()
        },
        facts={**facts, "versions": versions},
    )


def table(result: Mapping[str, Any]) -> str:
    """Returns what `evaluation.json` holds as lines of text, a column for each model file."""
    columns = {file: in_words(figures) for file, figures in result["models"].items()}
    names = list(next(iter(columns.values())))
    width = max(map(len, names))
    lines = [
        f"{shown(result['data'])}, {result['split']}: {result['images']:,} images, {result['class_count']} classes, "
        f"at {result['image_size']} pixels{', with flips' * result['flips']}"
    ]
    cells = [["", *columns]] if len(columns) > 1 else []
    cells += [[name, *(each[name] for each in columns.values())] for name in names]
    lines += ["  ".join([f"{first:{width}}", *(f"{cell:26}" for cell in rest)]).rstrip() for first, *rest in cells]
    for file, figures in result["models"].items():
        known = [row for row in figures["classes"] if row["recall"] is not None]
        worst = sorted(known, key=lambda row: row["recall"])[:WORST]
        said = ", ".join(f"{shown(row['class'])} {_share(row['recall'])} % of {row['images']}" for row in worst)
        lines.append(f"worst classes{f' of {file}' * (len(columns) > 1)}: {said}")
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"
