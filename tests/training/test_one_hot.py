import keras
import numpy as np
import pytest

from kerastricks.training.one_hot import OneHotLoss, for_integers


def test_integer_labels_cost_what_their_rows_do():
    """Scores 0 and 2: against (1, 0), 1/2 (1 + 4) = 2.5; against (0, 1), 1/2 (0 + 1) = 0.5; the mean is 1.5."""
    scores = np.array([[0.0, 2.0], [0.0, 2.0]], "float32")
    loss = OneHotLoss(keras.losses.MeanSquaredError(), 2)
    assert float(loss(np.array([0, 1]), scores)) == pytest.approx(1.5)
    assert float(loss(np.array([[1], [1]]), scores)) == pytest.approx(0.5)


def test_survives_serialization():
    loss = OneHotLoss(keras.losses.BinaryCrossentropy(from_logits=True), 3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (again.classes, again.loss.from_logits) == (3, True)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_integer_labels_get_the_loss_of_their_rows(smoothing):
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    logits, labels = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]], "float32"), np.array([1, 2])
    found = for_integers(loss, 3)
    assert isinstance(found, keras.losses.SparseCategoricalCrossentropy) == (not smoothing)
    assert float(found(labels, logits)) == pytest.approx(float(loss(np.eye(3)[labels], logits)), rel=1e-6)
