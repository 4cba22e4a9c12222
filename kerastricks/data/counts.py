"""How many images each class has."""

import statistics
from collections.abc import Mapping, Sequence

import numpy as np


def per_class(classes: Sequence[str], labels: np.ndarray) -> dict[str, int]:
    """Returns the number of images of each class, in the order of the labels."""
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))


def balance(images: Mapping[str, int]) -> str:
    """Returns in a line how evenly images are shared among classes: the fewest, the most, and the median."""
    fewest, most = min(images, key=images.__getitem__), max(images, key=images.__getitem__)
    low, high = images[fewest], images[most]
    if low == high:
        return f"{low:,} image{'s' * (low != 1)} in each class"
    median = f"{statistics.median(images.values()):,.1f}".removesuffix(".0")
    return f"images per class: {low:,} ({fewest}) to {high:,} ({most}), median {median}"
