import keras
import numpy as np
import pytest
from keras import layers, ops

from kerastricks.models.heads import class_count, crossentropy, output_of, probabilities


def model_with(*tail):
    x = inputs = keras.Input((4, 4, 2))
    for layer in tail:
        x = layer(x)
    return keras.Model(inputs, x)


LOGITS = [
    (layers.Flatten(), layers.Dense(3)),
    (layers.Flatten(), layers.Dense(3), layers.Dropout(0.1), layers.Activation("linear")),
    (layers.Conv2D(3, 1), layers.GlobalAveragePooling2D()),
    (layers.Flatten(), keras.Sequential([layers.Dense(3)])),
]
PROBABILITIES = [
    (layers.Flatten(), layers.Dense(3, "softmax")),
    (layers.Flatten(), layers.Dense(3), layers.Softmax()),
    (layers.Flatten(), layers.Dense(3), ops.softmax),
    (layers.Conv2D(3, 4), layers.Reshape((3,)), layers.Activation("softmax")),
]
AMBIGUOUS = [
    (layers.Flatten(), layers.Dense(3, "relu")),
    (layers.Flatten(), layers.Dense(3, "sigmoid")),
    (layers.Flatten(), layers.Dense(3), layers.BatchNormalization()),
    (layers.Flatten(),),
]


@pytest.mark.parametrize("tail", LOGITS)
def test_reads_logits(tail):
    assert crossentropy(model_with(*tail)).from_logits


@pytest.mark.parametrize("tail", PROBABILITIES)
def test_reads_probabilities(tail):
    assert not crossentropy(model_with(*tail)).from_logits


@pytest.mark.parametrize("tail", AMBIGUOUS)
def test_refuses_to_guess(tail):
    with pytest.raises(ValueError, match="Cannot tell whether.*it ends in.*or pass `loss="):
        crossentropy(model_with(*tail))


def test_refuses_several_outputs():
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match="it has 2 outputs"):
        crossentropy(keras.Model(inputs, [layers.Dense(3)(inputs), layers.Dense(3)(inputs)]))


def test_counts_the_classes():
    assert class_count(model_with(layers.Flatten(), layers.Dense(3))) == 3


@pytest.mark.parametrize("tail", [(layers.Conv2D(3, 1),), (layers.Flatten(), layers.Dense(1))])
def test_refuses_what_is_no_classifier(tail):
    with pytest.raises(ValueError, match="one row of at least two scores"):
        class_count(model_with(*tail))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (keras.losses.CategoricalCrossentropy(from_logits=True), [0.5, 0.5, 0.0]),
        (keras.losses.CategoricalCrossentropy(), [0.0, 0.0, -1000.0]),
        (keras.losses.BinaryCrossentropy(from_logits=True), [0.5, 0.5, 0.0]),
        ("categorical_crossentropy", [0.0, 0.0, -1000.0]),
    ],
)
def test_scores_become_probabilities(loss, expected):
    assert probabilities(np.array([[0.0, 0.0, -1000.0]]), output_of(loss))[0].tolist() == expected


def test_classes_asked_for_on_their_own_need_not_add_up():
    shares = probabilities(np.array([[2.0, 2.0]]), "sigmoid")
    assert shares[0] == pytest.approx([0.880797, 0.880797], abs=1e-6)
