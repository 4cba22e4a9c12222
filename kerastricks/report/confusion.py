"""The predictions of a classifier for images with known labels."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A misclassified image in 0..255, the class predicted (`said`), and its probability (`confidence`)."""

    image: np.ndarray
    said: int
    label: int
    confidence: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Counts of images (K, K), by label (row) and predicted class, and the most confident mistakes."""

    confusion: np.ndarray
    mistakes: tuple[Mistake, ...]

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


def compare(images: Any, labels: np.ndarray, probabilities: np.ndarray, most: int = 12) -> Comparison:
    """Compares predictions with labels, and loads only the images of the `most` most confident mistakes.

    Args:
        images: `images[indices]` returns images (n, H, W, C) in 0..255.
        labels: Integer labels (N,).
        probabilities: Predicted probabilities, (N, K).
    """
    classes = probabilities.shape[1]
    said = probabilities.argmax(1)
    confusion = np.bincount(labels.astype("int64") * classes + said, minlength=classes**2).reshape(classes, classes)
    confidence = probabilities.max(1)
    wrong = np.flatnonzero(said != labels)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    pictures = images[shown] if len(shown) else ()
    return Comparison(
        confusion,
        tuple(
            Mistake(np.asarray(picture), int(said[at]), int(labels[at]), float(confidence[at]))
            for at, picture in zip(shown, pictures, strict=True)
        ),
    )
