import numpy as np
import pytest

from kerastricks.report.confusion import compare

PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],  # right
        [0.4, 0.6, 0.0],  # a 0 taken for a 1
        [0.2, 0.8, 0.0],  # another, surer
        [0.7, 0.3, 0.0],  # a 1 taken for a 0
    ]
)
LABELS = np.array([0, 0, 0, 1], "int32")


class Images:
    """Images that are all their own index, and remember which were asked for."""

    def __init__(self):
        self.asked = []

    def __getitem__(self, indices):
        self.asked += indices.tolist()
        return np.asarray(indices)[:, None, None, None]


def test_counts_by_class_and_what_was_said():
    compared = compare(Images(), LABELS, PROBABILITIES)
    assert compared.confusion.tolist() == [[1, 2, 0], [1, 0, 0], [0, 0, 0]]
    assert compared.accuracy == pytest.approx([1 / 3, 0, np.nan], nan_ok=True)
    assert compared.most_confused(5) == [(0, 1, 2), (1, 0, 1)]
    assert compared.most_confused(1) == [(0, 1, 2)]


def test_takes_only_the_surest_mistakes():
    images = Images()
    mistakes = compare(images, LABELS, PROBABILITIES, most=2).mistakes
    assert images.asked == [2, 3]
    assert [(mistake.said, mistake.label, mistake.confidence) for mistake in mistakes] == [(1, 0, 0.8), (0, 1, 0.7)]
    assert [mistake.image.item() for mistake in mistakes] == [2, 3]


def test_nothing_wrong():
    images = Images()
    compared = compare(images, LABELS[:1], PROBABILITIES[:1])
    assert (compared.mistakes, compared.most_confused(5), images.asked) == ((), [], [])


def test_scores_that_are_not_numbers_are_counted_too():
    assert compare(Images(), LABELS, np.full((4, 3), np.nan)).confusion.sum() == 4


def test_each_pair_has_its_surest_mistake():
    compared = compare(Images(), LABELS, PROBABILITIES)
    assert [(pair.label, pair.said, pair.index) for pair in compared.pairs] == [(0, 1, 2), (1, 0, 3)]
    assert [pair.image.item() for pair in compared.pairs] == [2, 3]


def test_counts_by_name():
    assert compare(Images(), LABELS, PROBABILITIES).counts(["cat", "dog", "elk"]) == {
        "cat": {"cat": 1, "dog": 2},
        "dog": {"cat": 1},
    }
