"""Plots as inline SVG, and images as data URIs: nothing a page has to fetch."""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image


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
