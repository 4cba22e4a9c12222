"""Plots as inline SVG, and images as data URIs: nothing a page has to fetch."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image


def plot_learning_rate(learning_rate: Any, steps: int, steps_per_epoch: int | None = None) -> Figure:
    """Draws a learning rate over the updates of a run, or over its epochs, at up to a thousand points.

    Args:
        learning_rate: A number or any Keras schedule.
        steps: Updates to draw, from the first one.
        steps_per_epoch: Updates in an epoch; given, the axis shows epochs.

    Returns:
        The matplotlib figure: `figure.savefig("rate.png")`, or the last line of a notebook cell.

    Raises:
        ValueError: If there is no update to draw.
    """
    if steps < 1 or (steps_per_epoch is not None and steps_per_epoch < 1):
        raise ValueError(
            f"`steps` and `steps_per_epoch` must be at least 1. Received: steps={steps}, "
            f"steps_per_epoch={steps_per_epoch}"
        )
    at = np.unique(np.linspace(0, steps - 1, min(steps, 1000)).astype(int))
    rates = [float(learning_rate(int(step))) if callable(learning_rate) else learning_rate for step in at]
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(at / (steps_per_epoch or 1), rates)
    axes.set(xlabel="epoch" if steps_per_epoch else "update", ylabel="learning rate", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def line_plot(curves: Mapping[str, Sequence[float]], x: Sequence[float], xlabel: str, ylabel: str) -> str:
    """Returns an SVG of named curves over `x`, with a legend where there are several."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        axes.plot(x, values, label=name, marker="o" if len(x) == 1 else None)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        axes.legend(frameon=False)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    svg = stream.getvalue()
    return svg[svg.index("<svg") :]


def image_uri(image: np.ndarray, least: int = 96) -> str:
    """Returns an image (H, W, 1 or 3) in 0..255 as a PNG data URI, small ones enlarged to `least` pixels."""
    pixels = np.clip(np.rint(image), 0, 255).astype("uint8")
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    factor = max(1, -(-least // min(picture.size)))
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
