"""Checks of tricks, images and labels: made once, on the host, before anything is changed."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerastricks.models.graph import all_layers, has_graph
from kerastricks.models.heads import gives_logits
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
    check_layout(setup.model)
    check_loss(setup)
    for trick in setup.tricks:
        trick.check(setup)
    check_shape(setup)


def check_optimizer(optimizer: Any) -> None:
    """Raises a `ValueError` unless `optimizer` can be called to make one."""
    if not callable(optimizer):
        kind = optimizer.title() if isinstance(optimizer, str) else type(optimizer).__name__
        raise ValueError(
            "`optimizer` is called as `optimizer(learning_rate=..., weight_decay=...)`: pass a class, as "
            f"`keras.optimizers.{kind}`, or `functools.partial` of one for other settings. Received: {optimizer!r}"
        )


def check_channels(setup: Setup, name: str, *allowed: int) -> int | None:
    """Returns the channels of the images, or None if they are not known; raises a `ValueError` for a wrong number."""
    if setup.images is None:
        return None
    channels = setup.images.shape[-1]
    if channels not in allowed:
        numbers = " or ".join(map(str, allowed))
        raise ValueError(
            f"{name} needs images with {numbers} channels, (N, height, width, channels). "
            f"Received: images of shape {tuple(setup.images.shape[1:])}. Convert the images, or leave {name} out."
        )
    return channels


def check_levels(setup: Setup, name: str) -> None:
    """Raises a `ValueError` unless the pixels of the first images look like levels from 0 to 255."""
    if setup.images is None or setup.images.dtype == "uint8":
        return
    low, high = float(setup.images.min()), float(setup.images.max())
    fractions = not np.issubdtype(setup.images.dtype, np.integer) and 0 < high <= 1
    if low < 0 or high > 255 or fractions:
        raise ValueError(
            f"{name} computes with levels from 0 to 255. Received: pixels from {low:.3g} to {high:.3g}. Pass the "
            "images as uint8, or as floats from 0 to 255, and scale them inside the model, by "
            f"`keras.layers.Rescaling(1 / 255)` as its first layer; or leave {name} out."
        )


def check_layout(model: Any) -> None:
    """Raises a `ValueError` for a model whose images have the channels first."""
    first = keras.config.image_data_format() == "channels_first" or (
        has_graph(model) and any(getattr(layer, "data_format", None) == "channels_first" for layer in all_layers(model))
    )
    if first:
        raise ValueError(
            f"The model '{model.name}' takes images with the channels first; tricks take them last, "
            "(N, height, width, channels). Received: data_format='channels_first'. Call "
            "`keras.config.set_image_data_format('channels_last')` before you build the model, and transpose the "
            "images."
        )


def check_loss(setup: Setup) -> None:
    """Raises a `ValueError` if a loss of the user's does not fit the model, the labels or the tricks."""
    loss = setup.loss
    name = type(loss).__name__ if isinstance(loss, keras.losses.Loss) else getattr(loss, "__name__", str(loss))
    if "sparse" in name.lower():
        raise ValueError(
            "The loss gets distributions over the classes, whatever the labels are. "
            f"Received: loss={name}. Use `keras.losses.CategoricalCrossentropy`, or leave `loss` out."
        )
    for trick in setup.tricks:
        if setup.loss_is_given and overrides(trick, "loss"):
            raise ValueError(
                f"{trick.name} sets the loss, and so does `loss`. Received: loss={name}. Leave one of them out."
            )
    given = getattr(loss, "from_logits", None)
    if given is None and callable(loss) and not isinstance(loss, keras.losses.Loss):  # a function such as Keras' own
        parameter = inspect.signature(loss).parameters.get("from_logits")
        given = None if parameter is None else parameter.default
    if name in ("KLDivergence", "kl_divergence"):
        given = False
    if not setup.loss_is_given or given is None or not has_graph(setup.model):
        return
    try:
        logits = gives_logits(setup.model)
    except ValueError:
        return  # the loss is given because the graph does not tell
    if bool(given) != logits:
        ends = "logits" if logits else "probabilities"
        raise ValueError(
            f"The loss does not fit the model, which ends in {ends}. Received: loss={name}(from_logits={given}). Pass "
            f"a loss with from_logits={logits}, or leave `loss` out: the one that fits is chosen."
        )


def check_shape(setup: Setup) -> None:
    """Raises a `ValueError` unless the model takes the images as the tricks leave them outside training."""
    if setup.images is None or not has_graph(setup.model):
        return
    images = keras.ops.zeros((1, *setup.images.shape[1:]))
    for trick in setup.tricks:
        images = trick.evaluation(images)
    given, expected = tuple(images.shape[1:]), tuple(setup.model.input_shape[1:])
    if any(want not in (None, have) for want, have in zip(expected, given, strict=True)):
        turned = given[0] in (1, 3) and given[0] == expected[-1]
        raise ValueError(
            f"The model '{setup.model.name}' takes images of shape {expected}. Received: images of shape {given}."
            + (" Their channels come first: transpose them to (N, height, width, channels)." if turned else "")
        )


def check_metrics(metrics: Any) -> None:
    """Raises a `ValueError` for metrics of integer labels: what they get are distributions over the classes."""
    for metric in metrics:
        name = metric if isinstance(metric, str) else type(metric).__name__
        if "sparse" in name.lower():
            raise ValueError(
                f"Metrics get distributions over the classes, whatever the labels are. Received: {name}. Use the one "
                "of its name without 'sparse'; accuracy and, from ten classes on, top-5 accuracy are there already."
            )


def check_class_weight(class_weight: Any, classes: int) -> None:
    """Raises a `ValueError` unless `class_weight` is a dictionary from labels to numbers of at least 0."""
    if class_weight is None:
        return
    fits = isinstance(class_weight, Mapping) and all(
        key in range(classes) and np.isfinite(value) and value >= 0 for key, value in class_weight.items()
    )
    if not fits:
        raise ValueError(
            f"`class_weight` must be a dictionary from labels, 0 to {classes - 1}, to numbers of at least 0. "
            f"Received: class_weight={class_weight!r}"
        )


def check_images(images: Any, name: str) -> None:
    """Raises a `ValueError` unless images have the shape (N, height, width, channels)."""
    if len(images.shape) != 4:
        hint = " Batch the data set." if len(images.shape) == 3 else ""
        raise ValueError(
            f"The images of `{name}` must have the shape (N, height, width, channels). "
            f"Received: shape={tuple(images.shape)}.{hint}"
        )
    if not images.shape[0]:
        raise ValueError(f"`{name}` must hold one label per image, and at least one image. Received: no images")


def check_weights(weights: np.ndarray, count: int, name: str) -> np.ndarray:
    """Returns sample weights as float32, (N,), or raises a `ValueError`."""
    weights = np.asarray(weights, "float32").reshape(-1) if weights.shape[1:] in ((), (1,)) else weights
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            f"The sample weights of `{name}` must be one finite number of at least 0 per image, (N,). "
            f"Received: shape={weights.shape} for {count} images"
        )
    return weights


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
