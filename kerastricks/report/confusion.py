"""The predictions of a classifier for images with known labels."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A misclassified image in 0..255, the class predicted (`said`), its probability (`confidence`), and its place."""

    image: np.ndarray
    said: int
    label: int
    confidence: float
    index: int


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Counts of images (K, K), by label (row) and predicted class; the most confident mistakes, over all and by pair.

    `pairs` holds the surest mistake of each pair of classes, the most confused pair first.
    """

    confusion: np.ndarray
    mistakes: tuple[Mistake, ...]
    pairs: tuple[Mistake, ...] = ()

    @property
    def accuracy(self) -> np.ndarray:
        """The accuracy on the images of each class; NaN for a class without images."""
        totals = self.confusion.sum(1)
        return np.where(totals > 0, np.diag(self.confusion) / np.maximum(totals, 1), np.nan)

    def most_confused(self, most: int) -> list[tuple[int, int, int]]:
        """Returns up to `most` pairs of different classes as (label, predicted, images), the most frequent first."""
        wrong = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [(int(label), int(said), int(wrong[label, said])) for label, said in pairs if wrong[label, said]]

    def counts(self, classes: Sequence[str]) -> dict[str, dict[str, int]]:
        """Returns the counts that are not zero by the names of the classes: label, then what it was taken for."""
        return {
            classes[label]: {classes[said]: int(row[said]) for said in np.flatnonzero(row).tolist()}
            for label, row in enumerate(self.confusion)
            if row.any()
        }


def compare(images: Any, labels: np.ndarray, probabilities: np.ndarray, most: int = 12) -> Comparison:
    """Compares predictions with labels, and loads only the images that are shown.

    Args:
        images: `images[indices]` returns images (n, H, W, C) in 0..255.
        labels: Integer labels (N,).
        probabilities: Predicted probabilities, (N, K).
        most: Most mistakes to show, and most pairs of classes.
    """
    classes = probabilities.shape[1]
    said = probabilities.argmax(1)
    confusion = np.bincount(labels.astype("int64") * classes + said, minlength=classes**2).reshape(classes, classes)
    confidence = probabilities.max(1)
    wrong = np.flatnonzero(said != labels)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    surest = {(int(labels[at]), int(said[at])): at for at in wrong[::-1]}
    pairs = [surest[label, taken] for label, taken, _ in Comparison(confusion, ()).most_confused(most)]
    shown = np.unique([*wrong[:most], *pairs]).astype("int64")
    pictures = dict(zip(shown.tolist(), images[shown] if len(shown) else (), strict=True))

    def mistakes(places: Iterable[int]) -> tuple[Mistake, ...]:
        return tuple(
            Mistake(np.asarray(pictures[at]), int(said[at]), int(labels[at]), float(confidence[at]), int(at))
            for at in places
        )

    return Comparison(confusion, mistakes(wrong[:most]), mistakes(pairs))
