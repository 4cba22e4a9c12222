"""What a model says about some images with known labels, as figures and as a section of a page."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks.report.confusion import Comparison, Mistake, compare
from kerastricks.report.plots import bar_plot, heat_map, image_uri, reliability_plot
from kerastricks.report.scores import Scores, score

# The most classes shown as a table of all pairs, and the most bars of a plot.
MOST_CLASSES = 20


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What a model says about images: `name` says which they are, as `test images`; `scores` are None without numbers.

    A training that diverges leaves a model whose answers are no numbers.
    """

    name: str
    scores: Scores | None
    compared: Comparison


def judge(name: str, images: Any, labels: np.ndarray, probabilities: np.ndarray, seed: int = 0) -> Judgement:
    """Returns the judgement of a model by its probabilities, (N, K); arguments as for `compare` and `score`."""
    scores = score(labels, probabilities, seed) if np.isfinite(probabilities).all() else None
    return Judgement(name, scores, compare(images, labels, probabilities))


def section(judgement: Judgement, classes: Sequence[str]) -> dict[str, Any]:
    """Returns what the template `judgement.html` shows.

    Args:
        judgement: The judgement.
        classes: Names of the K classes; always shown as text, never as HTML.
    """
    scores, compared = judgement.scores, judgement.compared
    totals = compared.confusion.sum(1)
    return {
        "name": judgement.name,
        "images": int(totals.sum()),
        "figures": {} if scores is None else in_words(scores.figures()),
        "confusion_plot": heat_map(compared.confusion, classes, "said", "is") if len(classes) <= MOST_CLASSES else "",
        "wide": len(classes) > 12,
        "accuracy_plot": bar_plot(_lowest(compared, classes), "% of the images of the class right"),
        "shown": min(int((totals > 0).sum()), MOST_CLASSES),
        "classes": int((totals > 0).sum()),
        "calibration_plot": "" if scores is None else _calibration(scores),
        "pairs": [
            _cell(mistake, f"{classes[mistake.label]} taken for {classes[mistake.said]}: {count} of {total}")
            for mistake in compared.pairs
            for count, total in [(compared.confusion[mistake.label, mistake.said], totals[mistake.label])]
        ],
        "mistakes": [
            _cell(
                mistake, f"said {classes[mistake.said]} {100 * mistake.confidence:.0f} %, is {classes[mistake.label]}"
            )
            for mistake in compared.mistakes
        ],
    }


def percent(value: float, interval: Sequence[float] | None = None) -> str:
    """Returns a share in percent, as `84.20 (82.10 to 86.30)`."""
    return f"{100 * value:.2f}" + (f" ({100 * interval[0]:.2f} to {100 * interval[1]:.2f})" if interval else "")


def in_words(figures: Mapping[str, Any]) -> dict[str, str]:
    """Returns what `Scores.figures` returns in words, by names for people."""
    found = {"right, %": percent(figures["accuracy"], figures["accuracy_interval"])}
    if "top_5_accuracy" in figures:
        found["among the first 5, %"] = percent(figures["top_5_accuracy"], figures["top_5_accuracy_interval"])
    low, high = figures["loss_interval"]
    return {
        **found,
        "mean over the classes, %": percent(figures["balanced_accuracy"]),
        "cross-entropy": f"{figures['loss']:.4f} ({low:.4f} to {high:.4f})",
        "calibration error, %": percent(figures["calibration_error"]),
    }


def _calibration(scores: Scores) -> str:
    bins = [(each.low, each.high, each.accuracy, each.images) for each in scores.calibration]
    return reliability_plot(bins, "probability of what the model said", "share that is right")


def _cell(mistake: Mistake, caption: str) -> dict[str, str]:
    return {"uri": image_uri(mistake.image), "caption": caption}


def _lowest(compared: Comparison, classes: Sequence[str]) -> dict[str, float]:
    """Returns the accuracies of all classes in percent; if there are many, of the lowest ones, lowest first."""
    accuracy = compared.accuracy
    chosen = np.flatnonzero(~np.isnan(accuracy))
    if len(classes) > MOST_CLASSES:
        chosen = chosen[np.argsort(accuracy[chosen], kind="stable")][:MOST_CLASSES]
    return {classes[index]: 100 * accuracy[index] for index in chosen.tolist()}
