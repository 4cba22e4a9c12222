"""Faults of the labels: shifted or in another order in validation, classes without images."""

from collections.abc import Iterator

import numpy as np

from kerastricks.data.names import few
from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.diagnosis.sample import numbers

MANY = 10  # images for each class on average, below which a class may lack images by chance


def shifted(case: Case) -> Iterator[Finding]:
    """Labels that mean other classes in validation than in training."""
    train, held_out = case.train, case.validation
    if train is None or held_out is None:
        return
    if train.classes and held_out.classes and train.classes != held_out.classes:
        differ = sum(a != b for a, b in zip(train.classes, held_out.classes, strict=False))
        differ += abs(len(train.classes) - len(held_out.classes))
        yield Finding(
            "labels shifted",
            "Each side numbers its own folders, and they are not the same.",
            f"{differ} names differ: {few(train.classes)} to train on, {few(held_out.classes)} to validate",
            "Pass the class names of the training data to both: class_names=[...].",
        )
        return
    if train.all_labels is not None:
        known, found = (set(numbers(side).tolist()) for side in (train.all_labels, _labels(held_out)))
        strange = sorted(found - known)
        shift = min(found) - min(known)
        if strange and shift and found <= {label + shift for label in known} and len(found) > 1:
            yield Finding(
                "labels shifted",
                "Training and validation number the classes from another one on.",
                f"labels {min(known)} to {max(known)} to train on, {min(found)} to {max(found)} to validate",
                f"Subtract {shift} from the validation labels.",
            )
            return
        if strange:
            share = float(np.mean(np.isin(numbers(_labels(held_out)), strange)))
            yield Finding(
                "classes in validation alone",
                "No image to train on has these labels.",
                f"{len(strange)} label{'s' * (len(strange) > 1)} ({few(list(map(str, strange)))}), on {share:.1%} "
                "of the validation images",
                "Number the classes of both sides alike, or split the data anew.",
            )
            return
    yield from _reordered(case)


def _labels(part: object) -> np.ndarray:
    return part.labels if part.all_labels is None else part.all_labels  # type: ignore[attr-defined]


def _reordered(case: Case) -> Iterator[Finding]:
    """A network that is right about the validation images as soon as the classes change places."""
    answers = case.ask(case.validation) if case.classifies else None
    if answers is None or case.validation is None or answers.shape[1] < 2:
        return
    labels, chosen = case.validation.numbers, answers.argmax(1)
    right = float(np.mean(labels == chosen))
    count = max(answers.shape[1], int(labels.max()) + 1)
    if len(labels) < MANY * len(set(labels.tolist())) or len(set(labels.tolist())) < 2 or right > 0.4:
        return
    table = np.zeros((count, count), int)
    np.add.at(table, (chosen, labels), 1)
    places = table.argmax(1)
    named = [int(place) for row, place in zip(table, places, strict=True) if row.any()]
    renumbered = float(table.max(1).sum() / len(labels))
    if renumbered >= 0.75 and len(set(named)) == len(named) > 1:
        yield Finding(
            "labels shifted",
            "The network tells the validation images apart, but their labels are numbered otherwise.",
            f"accuracy {right:.1%} on {len(labels)} validation images, {renumbered:.1%} if the classes change places",
            "Number the classes of both sides alike: class_names=[...] for folders.",
        )


def without_images(case: Case) -> Iterator[Finding]:
    """Outputs of the network that no training image is labelled with."""
    train = case.train
    if train is None or train.all_labels is None:
        return
    classes = case.classes or (len(train.classes) if train.classes else None)
    if classes is None or classes < 2:
        return
    labels = train.all_labels
    if labels.ndim == 2 and labels.shape[1] > 1:
        counts = (labels > 0).sum(axis=0)
    else:
        counts = np.bincount(np.maximum(numbers(labels), 0), minlength=classes)
    empty = np.flatnonzero(counts == 0)
    if len(empty) and len(labels) >= MANY * classes and len(counts) == classes:
        names = [train.classes[one] if train.classes and one < len(train.classes) else str(one) for one in empty]
        yield Finding(
            "class without images",
            "The network has outputs that it can learn nothing about.",
            f"{len(empty)} of {classes} classes ({few(names)}) have none of the {len(labels):,} training images",
            "Add images, or give the network as many outputs as there are classes.",
        )
