import math

import numpy as np
import pytest

from kerastricks.report.scores import Bin, bootstrap, calibration, calibration_error, crossentropy, score

# Three classes; the last has no image, and is named once.
PROBABILITIES = np.array(
    [
        [0.8, 0.2, 0.0],  # right
        [0.6, 0.4, 0.0],  # right
        [0.1, 0.3, 0.6],  # a 0 taken for a 2
        [0.5, 0.25, 0.25],  # a 1 taken for a 0
    ]
)
LABELS = np.array([0, 0, 0, 1], "int32")


def test_figures_by_hand():
    scores = score(LABELS, PROBABILITIES)
    assert scores.accuracy == 0.5
    assert scores.balanced_accuracy == pytest.approx((2 / 3 + 0) / 2)  # of the two classes that have images
    assert scores.loss == pytest.approx(-math.log(0.8 * 0.6 * 0.1 * 0.25) / 4)
    assert scores.images.tolist() == [3, 1, 0]
    assert scores.precision == pytest.approx([2 / 3, np.nan, 0], nan_ok=True)
    assert scores.recall == pytest.approx([2 / 3, 0, np.nan], nan_ok=True)
    assert scores.f1 == pytest.approx([2 / 3, 0, 0])
    assert scores.top_5_accuracy is None


def test_classes_as_rows_of_json():
    rows = score(LABELS, PROBABILITIES).of_classes(["cat", "dog", "elk"])
    assert rows[1] == {"class": "dog", "images": 1, "precision": None, "recall": 0.0, "f1": 0.0}
    assert rows[2]["recall"] is None


def test_figures_as_json():
    figures = score(LABELS, PROBABILITIES).figures()
    assert set(figures) == {
        *("accuracy", "accuracy_interval", "balanced_accuracy", "loss", "loss_interval", "calibration_error"),
    }
    assert all(isinstance(value, float | list) for value in figures.values())


@pytest.mark.parametrize(("classes", "expected"), [(9, None), (10, 0.5)])
def test_among_the_first_five_of_ten_classes_and_more(classes, expected):
    probabilities = np.tile(np.arange(classes, 0.0, -1), (2, 1))  # the first classes are the likeliest
    assert score(np.array([4, 5]), probabilities).top_5_accuracy == expected


def test_of_equal_answers_the_first_classes_count():
    assert score(np.array([4, 5]), np.full((2, 10), 0.1)).top_5_accuracy == 0.5


def test_the_cross_entropy_of_classes_asked_for_on_their_own():
    assert crossentropy(np.array([0, 1]), np.array([[0.9, 0.9], [0.1, 0.3]])) == pytest.approx(
        [math.log(2), -math.log(0.75)]
    )
    assert crossentropy(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(87.34, abs=0.01)


def test_calibration_by_hand():
    """Guo et al.: 3 images of 4 right at a mean confidence of 0.9, and 1 of 2 at 0.55."""
    confidence = np.array([0.88, 0.9, 0.9, 0.92, 0.54, 0.56])
    right = np.array([True, True, True, False, True, False])
    bins = calibration(confidence, right, bins=5)
    assert [each.images for each in bins] == [0, 0, 2, 0, 4]
    assert bins[4] == Bin(0.8, 1.0, 4, pytest.approx(0.9), 0.75)
    assert bins[0] == Bin(0.0, 0.2, 0, None, None)
    assert calibration_error(bins) == pytest.approx((4 * 0.15 + 2 * 0.05) / 6)


@pytest.mark.parametrize(("confidence", "place"), [(0.0, 0), (0.25, 0), (0.2501, 1), (0.5, 1), (1.0, 3)])
def test_the_upper_end_belongs_to_a_range(confidence, place):
    bins = calibration(np.array([confidence]), np.array([True]), bins=4)
    assert [each.images for each in bins].index(1) == place


def test_fifteen_ranges():
    assert len(score(LABELS, PROBABILITIES).calibration) == 15


def test_an_interval_is_as_wide_as_the_normal_one():
    """900 of 1,000 right: 0.9 ± 1.96 √(0.9 · 0.1 / 1000) = 0.9 ± 0.0186."""
    values = np.array([np.arange(1000) % 10 > 0, np.arange(1000) % 2], "float64")
    (low, high), half = bootstrap(values, seed=0)
    assert (low, high) == (pytest.approx(0.9 - 0.0186, abs=0.003), pytest.approx(0.9 + 0.0186, abs=0.003))
    assert half[0] < 0.5 < half[1]
    assert bootstrap(values, seed=0) == [(low, high), half] != bootstrap(values, seed=1)


def test_rows_are_drawn_alike():
    values = np.arange(20.0)
    one, twice = bootstrap(np.stack([values, 2 * values]), seed=3)
    assert twice == pytest.approx([2 * one[0], 2 * one[1]])


def test_an_image_alone_says_nothing_of_others():
    scores = score(LABELS[:1], PROBABILITIES[:1])
    assert (scores.accuracy_interval, scores.loss_interval) == ((1.0, 1.0), (scores.loss, scores.loss))


def test_refuses_answers_that_are_not_numbers():
    probabilities = PROBABILITIES.copy()
    probabilities[2:, 1] = np.nan
    with pytest.raises(ValueError, match="not numbers for 2 of 4 images"):
        score(LABELS, probabilities)
    with pytest.raises(ValueError, match="There is no image to score"):
        score(LABELS[:0], probabilities[:0])
