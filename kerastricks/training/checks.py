"""What images and labels must be, checked on the host before the first step."""

from typing import Any

import numpy as np


def check_pair(data: Any, name: str) -> tuple[Any, np.ndarray]:
    """Returns `(images, labels)`, indexable by arrays, or raises a `ValueError` if they do not fit together."""
    images, labels = data
    labels = np.asarray(labels)
    images = images if hasattr(images, "shape") and hasattr(images, "__getitem__") else np.asarray(images)
    if len(images.shape) != 4:
        raise ValueError(
            f"The images of `{name}` must have the shape (N, height, width, channels). "
            f"Received: shape={tuple(images.shape)}"
        )
    if images.shape[0] != len(labels) or not len(labels):
        raise ValueError(
            f"`{name}` must hold one label an image, and at least one image. "
            f"Received: {images.shape[0]} images and {len(labels)} labels"
        )
    return images, labels


def check_labels(labels: np.ndarray, classes: int, name: str) -> None:
    """Raises a `ValueError` unless `labels` are integers below `classes`, or rows of `classes` that sum to one."""
    if labels.ndim == 1 or labels.shape[1:] == (1,):
        if not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                f"The labels of `{name}` must be integers, or one row of {classes} shares an image. "
                f"Received: dtype={labels.dtype}. Pass `labels.astype('int32')`."
            )
        low, high = labels.min(), labels.max()
        if low < 0 or high >= classes:
            raise ValueError(
                f"The labels of `{name}` must lie in [0, {classes - 1}]: the model has {classes} classes. "
                f"Received: labels from {low} to {high}"
            )
        return
    if labels.ndim != 2 or labels.shape[1] != classes:
        raise ValueError(
            f"The labels of `{name}` must have the shape (N,) or (N, {classes}). Received: shape={labels.shape}"
        )
    sums = labels.sum(axis=1, dtype="float64")
    if (labels < 0).any() or not np.allclose(sums, 1, atol=1e-3):
        worst = int(np.abs(sums - 1).argmax())
        raise ValueError(
            f"Each row of labels of `{name}` must be a distribution: shares of at least 0 that sum to one. "
            f"Received: row {worst} sums to {sums[worst]:.4g}"
        )
