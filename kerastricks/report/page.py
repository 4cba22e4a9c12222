"""The report of a training run: one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks.report.judgement import MOST_CLASSES, Judgement, section
from kerastricks.report.plots import count_plot, image_uri, line_plot
from kerastricks.report.render import render
from kerastricks.report.set_aside import left_out


def training_page(
    run: Mapping[str, Any],
    result: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
    rates: Sequence[float],
    samples: tuple[np.ndarray, np.ndarray],
    judgements: Sequence[Judgement],
    classes: Sequence[str],
    counts: Sequence[int],
    notes: Sequence[str] = (),
    set_aside: Sequence[tuple[str, str]] = (),
) -> str:
    """Returns the page as HTML.

    Args:
        run: Settings of the run, shown as a table.
        result: Figures of the run, shown at the top.
        history: Keras' history, one value per epoch.
        rates: Learning rates at evenly spaced updates, from the first one.
        samples: Images (N, H, W, C) in 0..255 and targets (N, K) as the network saw them.
        judgements: What the model says about the images that it was not trained on; the first is the headline's.
        classes: Names of the K classes; always shown as text, never as HTML.
        counts: Training images of each class.
        notes: Lines that stand at the top: what a user is to know of the run.
        set_aside: Bad files that were left out, each with its reason.
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
    return render(
        "page.html",
        run=run,
        result=result,
        headline=result.get("test_accuracy", result["accuracy"]),
        notes=notes,
        plots=plots,
        sides=[section(judgement, classes) for judgement in judgements],
        count_plot=count_plot(_ends(counts, classes), "training images"),
        counts_shown=min(len(classes), MOST_CLASSES),
        classes=len(classes),
        sheet=sheet,
        left_out=left_out(set_aside),
    )


def caption(target: np.ndarray, classes: Sequence[str]) -> str:
    """Returns the two largest classes of a target with their weights, as `90 % cat, 10 % dog`."""
    largest = np.argsort(-target, kind="stable")[:2]
    return ", ".join(f"{100 * target[k]:.0f} % {classes[k]}" for k in largest if target[k] >= 0.005)


def _pair(history: Mapping[str, Sequence[float]], name: str) -> dict[str, Sequence[float]]:
    named = {"training": name, "validation": f"val_{name}"}
    return {label: history[key] for label, key in named.items() if key in history}


def _ends(counts: Sequence[int], classes: Sequence[str]) -> dict[str, int]:
    """Returns the classes with their counts, largest first; if there are many, the largest and the smallest."""
    order = np.argsort(-np.asarray(counts), kind="stable").tolist()
    if len(order) > MOST_CLASSES:
        order = order[: MOST_CLASSES // 2] + order[-(MOST_CLASSES // 2) :]
    return {classes[index]: int(counts[index]) for index in order}
