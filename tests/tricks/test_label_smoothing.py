import keras
import numpy as np
import pytest

import kerastricks as kt


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ([1, 0, 0, 0], [0.925, 0.025, 0.025, 0.025]),
        ([0.5, 0.5, 0, 0], [0.475, 0.475, 0.025, 0.025]),
        ([0.25] * 4, [0.25] * 4),
    ],
)
def test_mixes_with_the_uniform_distribution(label, expected):
    assert kt.smooth_labels(np.array([label]), 0.1) == pytest.approx(np.array([expected]))


def test_can_give_all_to_the_other_classes():
    """The paper: 1 - 0.3 for the class, 0.3 / 3 for each of the other three."""
    _, targets = kt.LabelSmoothing(0.3, others=True).batch(None, np.eye(4)[:1])
    assert targets == pytest.approx(np.array([[0.7, 0.1, 0.1, 0.1]]))


@pytest.mark.parametrize(
    ("y", "factor", "message"),
    [
        (np.eye(4), 1.0, r"in \[0, 1\). Received: smooth_factor=1.0"),
        (np.eye(4), -0.1, "Received: smooth_factor=-0.1"),
        (np.arange(4), 0.1, r"Received: shape=\(4,\)"),
    ],
)
def test_the_function_refuses(y, factor, message):
    with pytest.raises(ValueError, match=message):
        kt.smooth_labels(y, factor)


def test_takes_integer_rows():
    assert kt.smooth_labels(y=np.eye(4, dtype="int64"), smooth_factor=0.1)[0, 0] == pytest.approx(0.925)


def test_leaves_the_callers_array_alone():
    labels = np.eye(4)
    kt.smooth_labels(labels, 0.1)
    assert np.array_equal(labels, np.eye(4))


def test_changes_targets_alone():
    images, targets = keras.ops.ones((2, 4, 4, 3)), keras.ops.eye(2)
    same, smooth = kt.LabelSmoothing(0.2).batch(images, targets)
    assert same is images
    assert keras.ops.convert_to_numpy(smooth) == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9]]))


@pytest.mark.parametrize("amount", [-0.1, 0, 1, 1.1, float("nan")])
def test_refuses_what_is_no_share(amount):
    with pytest.raises(ValueError, match="must lie between 0 and 1, both excluded. Received"):
        kt.LabelSmoothing(amount)
