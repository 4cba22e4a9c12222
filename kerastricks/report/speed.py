"""The figures of `kerastricks bench`, as lines of text."""

import statistics
from typing import Any


def table(result: dict[str, Any]) -> str:
    """Returns the figures of `bench` as lines of text."""
    rates = result["images_per_second"]
    shape = "×".join(map(str, result["image_shape"]))
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    lines = [
        f"{result['model']}, {shape}, {result['classes']} classes, batch {result['batch_size']}, on "
        f"{result['backend']}; {result['hardware']}",
        f"{', '.join(result['tricks'])}",
        f"{versions}",
        f"images/s, median of {result['rounds']} rounds of {result['steps']} steps (deviation); ratios within rounds:",
    ]
    names = {
        "both": "training",
        "step": "its step alone",
        "input": "its input alone",
        "plain": "plain Keras",
        "native": f"native PyTorch, {result['native_precision']}",
    }
    for key, column in rates.items():
        spread = statistics.stdev(column) if len(column) > 1 else 0.0
        ratio = f"  training is {result['ratios'][key]:.2f} times as fast" if key in result["ratios"] else ""
        lines.append(f"  {names[key]:24} {statistics.median(column):9,.0f} ({spread:,.0f}){ratio}")
    if result["no_native"]:
        lines.append(f"  native PyTorch           not measured: {result['no_native']}")
    lines.append(
        f"waits for data {result['data_wait']:.1%} of the time; peak memory {result['peak_memory'] / 1e9:.2f} GB"
    )
    return "\n".join(lines)
