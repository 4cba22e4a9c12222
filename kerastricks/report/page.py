"""The report of a training run: one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from kerastricks.report.plots import image_uri, line_plot


def training_page(
    run: Mapping[str, Any],
    result: Mapping[str, Any],
    history: Mapping[str, Sequence[float]],
    rates: Sequence[float],
    samples: tuple[np.ndarray, np.ndarray],
    classes: Sequence[str],
) -> str:
    """Returns the page as HTML.

    Args:
        run: Settings of the run, shown as a table.
        result: Figures of the run, shown at the top.
        history: Keras' history, one value an epoch.
        rates: Learning rates at even distances over the updates, from the first one.
        samples: Images (N, H, W, C) in 0..255 and targets (N, K) as the network saw them.
        classes: Names of the K classes; shown as text whatever they hold.
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
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    return environment.get_template("page.html").render(run=run, result=result, plots=plots, sheet=sheet)


def caption(target: np.ndarray, classes: Sequence[str]) -> str:
    """Returns the shares of the two largest classes of a target, as `90 % cat, 10 % dog`."""
    largest = np.argsort(-target, kind="stable")[:2]
    return ", ".join(f"{100 * target[k]:.0f} % {classes[k]}" for k in largest if target[k] >= 0.005)


def _pair(history: Mapping[str, Sequence[float]], name: str) -> dict[str, Sequence[float]]:
    named = {"training": name, "validation": f"val_{name}"}
    return {label: history[key] for label, key in named.items() if key in history}
