"""Checks of tricks, images and labels: made once, on the host, before anything is changed."""

from typing import Any

import numpy as np

from kerastricks.training.trick import Setup, overrides


def check_setup(setup: Setup) -> None:
    """Raises a `ValueError` if tricks exclude each other, or one would change nothing or does not apply."""
    owners: dict[str, str] = {}
    for trick in setup.tricks:
        for claim in (*trick.claims, *(["averaged weights"] if overrides(trick, "averages") else [])):
            if claim in owners:
                raise ValueError(
                    f"{owners[claim]} and {trick.name} both set the {claim}. Keep one of them in the recipe."
                )
            owners[claim] = trick.name
    for trick in setup.tricks:
        trick.check(setup)


def check_channels(setup: Setup, name: str, *allowed: int) -> int | None:
    """Returns the channels of the images, or None if they are not known; raises a `ValueError` for a wrong number."""
    if setup.image_shape is None:
        return None
    channels = setup.image_shape[-1]
    if channels not in allowed:
        numbers = " or ".join(map(str, allowed))
        raise ValueError(
            f"{name} needs images with {numbers} channels, (N, height, width, channels). "
            f"Received: images of shape {tuple(setup.image_shape)}. Convert the images, or leave {name} out."
        )
    return channels


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
            f"`{name}` must hold one label per image, and at least one image. "
            f"Received: {images.shape[0]} images and {len(labels)} labels"
        )
    return images, labels


def check_labels(labels: np.ndarray, classes: int, name: str) -> None:
    """Raises a `ValueError` unless `labels` are integers below `classes`, or rows of `classes` that sum to one."""
    if labels.ndim == 1 or labels.shape[1:] == (1,):
        if not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                f"The labels of `{name}` must be integers, or {classes} class weights per image. "
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
            f"Each row of labels of `{name}` must be a distribution: weights of at least 0 that sum to one. "
            f"Received: row {worst} sums to {sums[worst]:.4g}"
        )
