"""Faults of the loss: logits and probabilities mistaken, smoothing in the validation, labels of another form."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding


def from_logits(case: Case) -> Iterator[Finding]:
    """Probabilities taken for logits, or logits for probabilities."""
    loss, activation, classes = case.loss, case.activation, case.classes
    if loss is None or activation is None or classes is None:
        return
    if loss.from_logits and activation in ("softmax", "sigmoid"):
        if classes > 1 and activation == "softmax":
            least = math.log(1 + (classes - 1) / math.e)
            seen = f"the loss of a sure and right answer among {classes} classes is {least:.4f}, not 0"
        else:
            seen = f"the loss of a sure and right answer is {math.log(1 + 1 / math.e):.4f}, not 0"
        yield Finding(
            "probabilities taken for logits",
            f"The model ends in a {activation}, and the loss applies one more.",
            f"from_logits=True; {seen}",
            f"keras.losses.{loss.words}(from_logits=False), or a last layer without activation.",
        )
    elif not loss.from_logits and activation == "linear" and (classes > 1 or loss.kind == "binary"):
        answers = case.answers
        outside = None if answers is None else float(np.mean((answers < 0) | (answers > 1)))
        seen = "0 activations after the last kernel" if outside is None else f"{outside:.0%} of outputs outside 0 to 1"
        yield Finding(
            "logits taken for probabilities",
            "The model ends in a layer without activation, and the loss takes its outputs for probabilities.",
            f"from_logits=False; {seen}",
            f"keras.losses.{loss.words}(from_logits=True), or a softmax at the end.",
        )


def smoothing(case: Case) -> Iterator[Finding]:
    """Label smoothing in the compiled loss: the validation loss holds it too."""
    loss = case.loss
    if loss is None or not loss.smoothing or (case.validation_data is None and "val_loss" not in case.curves):
        return
    if case.callbacks and not any(getattr(one, "monitor", None) == "val_loss" for one in case.callbacks):
        return
    classes = case.classes or 2
    share = loss.smoothing / (classes if classes > 1 else 2)
    sure, others = 1 - loss.smoothing + share, max(1, classes - 1)
    floor = -(sure * math.log(sure) + others * share * math.log(share))
    yield Finding(
        "smoothed validation loss",
        "The label smoothing of the compiled loss applies to validation too: its loss says little, also to callbacks "
        "that watch it.",
        f"label_smoothing={loss.smoothing:g}: val_loss cannot fall below {floor:.4f}",
        "Leave it out of the loss and put kt.LabelSmoothing() into a recipe; or watch val_accuracy.",
    )


def labels_fit(case: Case) -> Iterator[Finding]:
    """Labels of another form than the loss takes, or beyond the outputs."""
    train, loss, classes = case.train, case.loss, case.classes
    if train is None or classes is None:
        return
    labels = train.labels if train.all_labels is None else train.all_labels
    columns = labels.shape[1] if labels.ndim == 2 else 1
    top, bottom = float(np.max(labels)), float(np.min(labels))
    if columns == 1 and classes > 1 and (top >= classes or bottom < 0) and (loss is None or loss.kind != "binary"):
        yield Finding(
            "labels beyond the outputs",
            "Labels must number the outputs, from 0 on.",
            f"labels from {bottom:g} to {top:g}, and {classes} outputs",
            f"Subtract {bottom:g} from the labels." if top - bottom < classes else f"Dense({top + 1:.0f}) at the end.",
        )
    if loss is None or loss.takes_both:
        return
    if classes == 1 and loss.kind == "binary" and top > 1:
        yield Finding(
            "loss does not fit the labels",
            "One output can tell two classes apart, labelled 0 and 1.",
            f"BinaryCrossentropy on 1 output, and labels up to {top:g}",
            f"Dense({top + 1:.0f}) at the end, with SparseCategoricalCrossentropy(from_logits=True).",
        )
    elif loss.kind == "sparse" and columns > 1:
        yield _other_form(loss, f"rows of {columns}", "CategoricalCrossentropy", "integers")
    elif loss.kind in ("categorical", "binary") and columns == 1 and classes > 1:
        yield _other_form(loss, f"integers up to {top:g}", "SparseCategoricalCrossentropy", f"rows of {classes}")
    elif columns > 1 and columns != classes:
        yield Finding(
            "loss does not fit the labels",
            "Rows of labels must have a column for each output.",
            f"rows of {columns}, and {classes} outputs",
            f"keras.utils.to_categorical(labels, {classes})",
        )


def _other_form(loss: Any, given: str, other: str, expected: str) -> Finding:
    logits = f"from_logits={loss.from_logits}"
    return Finding(
        "loss does not fit the labels",
        f"{loss.words} takes {expected}.",
        f"labels that are {given}",
        f"keras.losses.{other}({logits}), or labels of the other form.",
    )


def one_probability(case: Case) -> Iterator[Finding]:
    """A softmax over a single output, which is 1 whatever the image."""
    if case.classes == 1 and case.activation == "softmax":
        yield Finding(
            "softmax over one output",
            "A softmax makes its outputs add up to 1, and there is one.",
            "1 output, always 1.0",
            'Dense(1, activation="sigmoid") with BinaryCrossentropy, or Dense(2).',
        )
