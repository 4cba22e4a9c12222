"""The report of a training run: one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks.report.confusion import Comparison
from kerastricks.report.plots import bar_plot, heat_map, image_uri, line_plot
from kerastricks.report.render import render

# The most classes shown as a table of all pairs; with more, the page lists as many pairs, and as many classes.
MOST_CLASSES = 20


def training_page(
    run: Mapping[str, Any],
    result: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
    rates: Sequence[float],
    samples: tuple[np.ndarray, np.ndarray],
    compared: Comparison,
    classes: Sequence[str],
) -> str:
    """Returns the page as HTML.

    Args:
        run: Settings of the run, shown as a table.
        result: Figures of the run, shown at the top.
        history: Keras' history, one value per epoch.
        rates: Learning rates at evenly spaced updates, from the first one.
        samples: Images (N, H, W, C) in 0..255 and targets (N, K) as the network saw them.
        compared: The model's predictions for the validation images, compared with their labels.
        classes: Names of the K classes; always shown as text, never as HTML.
    """
    epochs = range(1, len(history["loss"]) + 1)
    epochs_of_rates = np.linspace(0, len(epochs), len(rates), endpoint=False).tolist()
    plots = {
        "Learning rate": line_plot({"rate": rates}, epochs_of_rates, "epoch", "learning rate"),
        "Loss": line_plot(_pair(history, "loss"), epochs, "epoch", "loss"),
        "Accuracy": line_plot(_pair(history, "accuracy"), epochs, "epoch", "accuracy"),
    }
    sheet = [
        {"uri": image_uri(image), "caption": caption(target, classes)} for image, target in zip(*samples, strict=True)
    ]
    mistakes = [
        {
            "uri": image_uri(mistake.image),
            "caption": f"said {classes[mistake.said]} {100 * mistake.confidence:.0f} %, is {classes[mistake.label]}",
        }
        for mistake in compared.mistakes
    ]
    few = len(classes) <= MOST_CLASSES
    return render(
        "page.html",
        run=run,
        result=result,
        plots=plots,
        sheet=sheet,
        mistakes=mistakes,
        confusion_plot=heat_map(compared.confusion, classes, "said", "is") if few else "",
        confused=[] if few else _confused(compared, classes),
        accuracy_plot=bar_plot(_lowest(compared, classes), "% of the images of the class right"),
        shown=min(len(classes), MOST_CLASSES),
        classes=len(classes),
    )


def caption(target: np.ndarray, classes: Sequence[str]) -> str:
    """Returns the two largest classes of a target with their weights, as `90 % cat, 10 % dog`."""
    largest = np.argsort(-target, kind="stable")[:2]
    return ", ".join(f"{100 * target[k]:.0f} % {classes[k]}" for k in largest if target[k] >= 0.005)


def _pair(history: Mapping[str, Sequence[float]], name: str) -> dict[str, Sequence[float]]:
    named = {"training": name, "validation": f"val_{name}"}
    return {label: history[key] for label, key in named.items() if key in history}


def _lowest(compared: Comparison, classes: Sequence[str]) -> dict[str, float]:
    """Returns the accuracies of all classes in percent; if there are many, of the lowest ones, lowest first."""
    accuracy = compared.accuracy
    chosen = np.flatnonzero(~np.isnan(accuracy))
    if len(classes) > MOST_CLASSES:
        chosen = chosen[np.argsort(accuracy[chosen], kind="stable")][:MOST_CLASSES]
    return {classes[index]: 100 * accuracy[index] for index in chosen.tolist()}


def _confused(compared: Comparison, classes: Sequence[str]) -> list[tuple[str, str, str]]:
    totals = compared.confusion.sum(1)
    return [
        (classes[label], classes[said], f"{count} of {totals[label]}")
        for label, said, count in compared.most_confused(MOST_CLASSES)
    ]
