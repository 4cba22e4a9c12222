"""How good a classifier's probabilities are for images with known labels, and how sure that is."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

BINS = 15
RESAMPLES = 1_000
FEWEST_FOR_TOP_5 = 10  # classes

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Bin:
    """The images whose confidence lies in (`low`, `high`], and the means of both; None where there are none."""

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


@dataclasses.dataclass(frozen=True)
class Scores:
    """Figures over N images of K classes; intervals hold 95 % of bootstrap samples of the images.

    Attributes:
        accuracy: Share of the images whose likeliest class is right.
        top_5_accuracy: Share whose class is among the five likeliest; None for fewer than ten classes.
        balanced_accuracy: Mean of the recalls of the classes that have images.
        loss: Mean cross-entropy in nats.
        calibration_error: Expected calibration error.
        images: Images of each class, (K,).
        precision: Of what was taken for a class, the share that is; NaN where nothing was.
        recall: Of the images of a class, the share taken for it; NaN where there are none.
        f1: Harmonic mean of both; NaN for a class that neither has images nor was named.
    """

    accuracy: float
    accuracy_interval: Interval
    top_5_accuracy: float | None
    top_5_accuracy_interval: Interval | None
    balanced_accuracy: float
    loss: float
    loss_interval: Interval
    calibration_error: float
    calibration: tuple[Bin, ...]
    images: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray

    def figures(self) -> dict[str, Any]:
        """Returns the figures over all images as JSON's types; those that do not apply are left out."""
        names = [field.name for field in dataclasses.fields(self)][:8]
        values = {name: getattr(self, name) for name in names}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    def of_classes(self, classes: Sequence[str]) -> list[dict[str, Any]]:
        """Returns a row for each class as JSON's types: its name, images, precision, recall and F1; None for NaN."""
        columns = (self.images, self.precision, self.recall, self.f1)
        return [
            {
                "class": name,
                **{
                    key: None if value != value else value
                    for key, value in zip(("images", "precision", "recall", "f1"), row, strict=True)
                },
            }
            for name, *row in zip(classes, *(column.tolist() for column in columns), strict=True)
        ]


def score(labels: np.ndarray, probabilities: np.ndarray, seed: int = 0) -> Scores:
    """Scores probabilities against labels.

    Args:
        labels: Integer labels, (N,).
        probabilities: Probabilities of the classes, (N, K). For the cross-entropy each row is divided by its sum, which
            is not 1 where each class was asked for on its own.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If there is no image, or a probability is no number.
    """
    from sklearn import metrics  # takes a second to import

    labels, probabilities = np.asarray(labels).astype("int64"), np.asarray(probabilities, "float64")
    if not len(labels):
        raise ValueError("There is no image to score. Expected at least one label.")
    if bad := int((~np.isfinite(probabilities)).any(1).sum()):
        raise ValueError(
            f"The model's answers are not numbers for {bad:,} of {len(labels):,} images: its weights are not finite, "
            "as after a training that diverged. Train it again with a lower learning rate."
        )
    classes = probabilities.shape[1]
    said, confidence = probabilities.argmax(1), probabilities.max(1)
    values = {"accuracy": said == labels, "loss": crossentropy(labels, probabilities)}
    if classes >= FEWEST_FOR_TOP_5:
        five = np.argsort(-probabilities, axis=1, kind="stable")[:, :5]
        values["top_5_accuracy"] = (five == labels[:, None]).any(1)
    intervals = bootstrap(np.array(list(values.values()), "float64"), seed)
    found: dict[str, Any] = {"top_5_accuracy": None, "top_5_accuracy_interval": None}
    for (name, value), interval in zip(values.items(), intervals, strict=True):
        found |= {name: float(value.mean()), f"{name}_interval": interval}
    precision, recall, f1, images = metrics.precision_recall_fscore_support(
        labels, said, labels=np.arange(classes), zero_division=np.nan
    )
    bins = calibration(confidence, said == labels)
    return Scores(
        **found,
        balanced_accuracy=float(np.nanmean(recall)),
        calibration_error=calibration_error(bins),
        calibration=bins,
        images=images,
        precision=precision,
        recall=recall,
        f1=f1,
    )


def crossentropy(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns -log of the share of each label, (N,); a probability of 0 counts as the least float32 above it."""
    share = probabilities[np.arange(len(labels)), labels] / probabilities.sum(1)
    return -np.log(np.maximum(share, np.finfo("float32").tiny))


def bootstrap(values: np.ndarray, seed: int, resamples: int = RESAMPLES) -> list[Interval]:
    """Returns an interval for the mean of each row: the middle 95 % of its means over images drawn with replacement.

    Args:
        values: One value for each image, in rows that are drawn alike, (R, N).
        seed: Seed of the draws.
        resamples: How many times N images are drawn.

    Reference: Efron and Tibshirani, 1993, An Introduction to the Bootstrap, section 13.3.
    """
    from scipy import stats

    if values.shape[1] == 1:
        return [(value, value) for value in values[:, 0].tolist()]
    drawn = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, 10_000_000 // values.size),  # a hundred megabytes at a time
        vectorized=True,
        axis=-1,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return list(zip(drawn.low.tolist(), drawn.high.tolist(), strict=True))


def calibration(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> tuple[Bin, ...]:
    """Returns the accuracy of the images of each range of confidence: `bins` equal ranges from 0 to 1.

    Args:
        confidence: Probability of the likeliest class, (N,).
        right: Whether it is the right one, (N,).
        bins: Number of ranges.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, bins - 1)
    found = []
    for index, (low, high) in enumerate(itertools.pairwise(edges.tolist())):
        inside = place == index
        means = [float(side[inside].mean()) for side in (confidence, right)] if inside.any() else [None, None]
        found.append(Bin(low, high, int(inside.sum()), *means))
    return tuple(found)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Returns the mean difference of accuracy and confidence over the ranges, each weighted with its images.

        sum over ranges: images / N * |accuracy - confidence|

    Reference: Guo et al., 2017, arXiv:1706.04599, section 2.
    """
    total = sum(each.images for each in bins)
    gaps = (
        each.images * abs(each.accuracy - each.confidence)
        for each in bins
        if each.accuracy is not None and each.confidence is not None
    )
    return sum(gaps) / total
