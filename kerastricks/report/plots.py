"""Plots as inline SVG, and images as data URIs: nothing a page has to fetch."""

import base64
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from kerastricks.data.names import shown

# Distinguishable without telling red from green (Okabe and Ito, 2008).
COLORS = {"helps": "#0072B2", "hurts": "#D55E00", "open": "#777777"}


def plot_learning_rate(learning_rate: Any, steps: int, steps_per_epoch: int | None = None) -> Figure:
    """Draws a learning rate over the updates of a run, or over its epochs, at up to a thousand points.

    Args:
        learning_rate: A number or any Keras schedule.
        steps: Updates to draw, from the first one.
        steps_per_epoch: Updates per epoch; if given, the axis shows epochs.

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
    figure, axes = _axes(5, 3)
    axes.plot(at / (steps_per_epoch or 1), rates)
    axes.set(xlabel="epoch" if steps_per_epoch else "update", ylabel="learning rate", ylim=(0, None))
    return figure


def line_plot(curves: Mapping[str, Sequence[float]], x: Sequence[float], xlabel: str, ylabel: str) -> str:
    """Returns an SVG of named curves over `x`, with a legend where there are several."""
    figure, axes = _axes(4, 2.8)
    for name, values in curves.items():
        axes.plot(x, values, label=name, marker="o" if len(x) == 1 else None)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(curves) > 1:
        axes.legend(frameon=False)
    return _svg(figure)


def sweep_plot(rates: Sequence[float], losses: Sequence[float], marks: Mapping[str, float]) -> str:
    """Returns an SVG of losses over learning rates, on a logarithmic axis, with some rates marked by name."""
    figure, axes = _axes(4.6, 2.8)
    axes.plot(rates, losses, color=COLORS["open"])
    for (name, rate), color in zip(marks.items(), (COLORS["helps"], COLORS["hurts"], "#009E73"), strict=False):
        axes.plot(rate, np.interp(rate, rates, losses), "o", color=color, label=f"{name}: {rate:.2g}")
    axes.set(xlabel="learning rate", ylabel="smoothed loss", xscale="log", ylim=(None, 2 * losses[0]))
    axes.legend(frameon=False)
    return _svg(figure)


def band_plot(
    curves: Mapping[str, Sequence[Sequence[float]]], xlabel: str, ylabel: str, limits: tuple[float, float]
) -> str:
    """Returns an SVG of mean curves with bands of ± one standard deviation over their runs.

    Args:
        curves: Runs of each curve, at 1, 2, ...; runs that ended early count where they have values. The last curve is
            highlighted, those before it are drawn in grey.
        limits: Ends of the vertical axis.
    """
    figure, axes = _axes(4, 2.8)
    for index, (name, runs) in enumerate(curves.items()):
        columns = [[run[at] for run in runs if at < len(run)] for at in range(max(map(len, runs), default=0))]
        mean = np.array([np.mean(column) for column in columns])
        deviation = np.array([np.std(column, ddof=1) if len(column) > 1 else 0.0 for column in columns])
        x = np.arange(1, len(columns) + 1)
        color = COLORS["helps"] if index == len(curves) - 1 else COLORS["open"]
        style = "-" if index == len(curves) - 1 else ("--", ":")[index % 2]
        axes.plot(x, mean, style, label=shorten(name, 30), color=color, marker="o" if len(x) == 1 else None)
        axes.fill_between(x, mean - deviation, mean + deviation, color=color, alpha=0.2, linewidth=0)
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=limits)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(curves) > 1:
        axes.legend(frameon=False, loc="lower right")
    return _svg(figure)


def interval_plot(rows: Sequence[tuple[str, float, float | None, float | None, str]], xlabel: str) -> str:
    """Returns an SVG of points with intervals, one per row, from the top; a point without an interval is hollow.

    Args:
        rows: Name, value, low, high, and the key of its colour in `COLORS`.
    """
    figure, axes = _axes(4.6, 0.8 + 0.3 * max(2, len(rows)))
    for at, (_, value, low, high, kind) in enumerate(rows):
        known = low is not None and high is not None
        if known:
            axes.plot([low, high], [at, at], color=COLORS[kind], linewidth=2)
        axes.plot(value, at, "o", color=COLORS[kind], markersize=7, fillstyle="full" if known else "none")
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [shorten(name, 34) for name, *_ in rows])
    axes.set(xlabel=xlabel, ylim=(len(rows) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    return _svg(figure)


def scatter_plot(points: Sequence[tuple[str, float, float, str]], xlabel: str, ylabel: str) -> str:
    """Returns an SVG of named points; the names are in a column at the right, in the order of y.

    Args:
        points: Name, x, y, and the key of its colour in `COLORS`.
    """
    figure, axes = _axes(4.6, max(2.8, 0.8 + 0.26 * len(points)))
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axvline(0, color="black", linewidth=0.8)
    for place, (name, x, y, kind) in enumerate(sorted(points, key=lambda point: -point[2])):
        axes.plot(x, y, "o", color=COLORS[kind], markersize=7)
        axes.annotate(
            shorten(name),
            (x, y),
            (1.05, 1 - (place + 0.5) / len(points)),
            textcoords="axes fraction",
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": COLORS["open"], "linewidth": 0.5, "shrinkB": 4},
        )
    axes.margins(0.1)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    return _svg(figure)


def bar_plot(bars: Mapping[str, float], xlabel: str) -> str:
    """Returns an SVG of horizontal bars of percentages, the first at the top, each with its figure."""
    return _bars(bars, xlabel, 100, "{:.1f}")


def count_plot(bars: Mapping[str, int], xlabel: str) -> str:
    """Returns an SVG of horizontal bars of counts, the first at the top, each with its figure."""
    return _bars(bars, xlabel, max(bars.values(), default=1), "{:,.0f}")


def _bars(bars: Mapping[str, float], xlabel: str, most: float, figure_format: str) -> str:
    figure, axes = _axes(4.6, 0.8 + 0.24 * max(2, len(bars)))
    drawn = axes.barh(range(len(bars)), list(bars.values()), color=COLORS["helps"])
    axes.bar_label(drawn, [figure_format.format(value) for value in bars.values()], padding=3, fontsize=9)
    axes.set_yticks(range(len(bars)), [shorten(name) for name in bars])
    axes.set(xlabel=xlabel, xlim=(0, 1.12 * most), ylim=(len(bars) - 0.4, -0.6))
    axes.xaxis.get_major_locator().set_params(nbins=5, integer=True)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_axisbelow(True)
    return _svg(figure)


def reliability_plot(bins: Sequence[tuple[float, float, float | None, int]], xlabel: str, ylabel: str) -> str:
    """Returns an SVG of bars over ranges of confidence, each as high as the accuracy there, and the diagonal.

    Args:
        bins: Ends of a range, the accuracy of the images in it, None where there are none, and their number, which
            stands above the bar.
        xlabel: Label of the horizontal axis.
        ylabel: Label of the vertical axis.
    """
    figure, axes = _axes(4.6, 3.8)
    filled = [(low, high, accuracy, images) for low, high, accuracy, images in bins if accuracy is not None]
    low, high, accuracy, images = zip(*filled, strict=True)
    widths = np.subtract(high, low)
    drawn = axes.bar(low, accuracy, widths, align="edge", color=COLORS["helps"], edgecolor="white", linewidth=0.5)
    axes.bar_label(drawn, [f"{count:,}" for count in images], padding=2, fontsize=7)
    axes.plot([0, 1], [0, 1], color=COLORS["open"], linestyle="--")
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1), ylim=(0, 1.08))
    axes.set_axisbelow(True)
    return _svg(figure)


def heat_map(counts: np.ndarray, names: Sequence[str], xlabel: str, ylabel: str) -> str:
    """Returns an SVG of a square table of counts, each cell as dark as its fraction of the row."""
    side = 1.3 + 0.34 * max(9, len(names))
    figure, axes = _axes(side, side)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        color = "white" if share[row, column] > 0.5 else "black"
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=color, fontsize=8)
    labels = [shorten(name) for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=90 if max(map(len, labels)) > 2 else 0)
    axes.set_yticks(range(len(names)), labels)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(visible=False)
    return _svg(figure)


def shorten(name: str, most: int = 18) -> str:
    """Returns a name that fits beside a plot, its middle left out where it is long; no part of it is a formula."""
    name = shown(" ".join(name.split()))
    if len(name) > most:
        name = f"{name[: most // 2]}…{name[-(most - most // 2 - 1) :]}"
    return name.replace("$", r"\$")


def image_uri(image: np.ndarray, least: int = 96) -> str:
    """Returns an image (H, W, 1 or 3) in 0..255 as a data URI: small ones as PNG, enlarged to `least` pixels and more.

    Photographs are made smaller, to at most twice as many pixels, and stored as JPEG.
    """
    pixels = np.clip(np.rint(image), 0, 255).astype("uint8")
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    kind: dict[str, Any] = {"format": "PNG"}
    if min(picture.size) > least:
        picture.thumbnail((2 * least, 2 * least))
        kind = {"format": "JPEG", "quality": 85}
    else:
        factor = -(-least // min(picture.size))
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    stream = io.BytesIO()
    picture.save(stream, **kind)
    return f"data:image/{kind['format'].lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"


def _axes(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    # Text stays text: the reader's browser has glyphs for scripts that matplotlib's font lacks, and can search it.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "kerastricks"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(stream, format="svg", metadata={"Date": None})
    svg = stream.getvalue()
    return svg[svg.index("<svg") :]
