import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.compilation import accuracies
from kerastricks.training.engine import Engine

IMAGES = np.array([0, 100], "uint8").reshape(2, 1, 1, 1)


@pytest.fixture
def network():
    inputs = keras.Input((1, 1, 1))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))


@pytest.mark.parametrize("labels", [[1, 0], [[1], [0]], [[0.0, 1.0], [1.0, 0.0]]])
def test_labels_become_distributions(network, labels):
    targets = keras.ops.convert_to_numpy(Engine(network, (), 2).targets(np.array(labels)))
    assert (targets.tolist(), targets.dtype) == ([[0.0, 1.0], [1.0, 0.0]], "float32")


def test_tricks_apply_in_order_with_their_draws(network):
    engine = Engine(network, (kt.LabelSmoothing(0.2), kt.MixUp()), 2)
    inputs = {"images": IMAGES, "MixUp/weight": np.full(2, 0.75, "float32"), "MixUp/order": np.array([1, 0])}
    images, targets = map(keras.ops.convert_to_numpy, engine.transform(inputs, np.array([0, 1])))
    assert images.ravel().tolist() == [25, 75]
    assert targets == pytest.approx(np.array([[0.7, 0.3], [0.3, 0.7]]))


def test_pixels_are_cast_and_not_rescaled(network):
    images, _ = Engine(network, (), 2).transform(IMAGES, np.array([0, 1]))
    assert keras.ops.convert_to_numpy(images).ravel().tolist() == [0, 100]


def test_evaluation_sees_clean_labels(network):
    """The loss of zero weights is ln 2 whatever the label; of smoothed labels at other weights it would differ."""
    network.set_weights([np.array([[0.0, 0.1]], "float32"), np.zeros(2, "float32")])
    engine = Engine(network, (kt.LabelSmoothing(0.9),), 2)
    engine.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True), metrics=accuracies(2))
    loss, accuracy = engine.evaluate(IMAGES[1:], np.array([1]), verbose=0)
    assert loss == pytest.approx(np.log(1 + np.exp(-10)), abs=1e-6)
    assert accuracy == 1


def test_a_schedule_tells_the_rate_of_any_step(network):
    schedule = kt.WarmupSchedule(0.8, steps=4)
    engine = Engine(network, (), 2, learning_rate=schedule)
    assert [engine.rate_at(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8], abs=1e-6)


@pytest.mark.parametrize("scaled", [False, True], ids=["alone", "under a loss scale"])
def test_a_number_is_the_rate_that_the_optimizer_has_by_now(network, scaled):
    optimizer = keras.optimizers.SGD(0.5)
    engine = Engine(network, (), 2, learning_rate=0.5)
    engine.compile(keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer, "mse")
    assert engine.rate_at(3) == 0.5
    optimizer.learning_rate = 0.25  # as a callback of the user's may
    assert engine.rate_at(3) == 0.25


class Constant(keras.layers.Layer):
    """A loss of its weight for each sample, and as much again for the share of the second class."""

    def __init__(self, value):
        super().__init__()
        self.value = self.add_weight(shape=(), initializer=keras.initializers.Constant(value))
        self.built = True

    def call(self, images, targets, logits):
        assert images.shape[0] == logits.shape[0]
        return self.value * (1 + targets[:, 1])


def test_auxiliary_losses_join_in_training_alone(network):
    """Logits of zero cost ln 2. The auxiliaries cost 3 and 5, twice that for the second class: 4.5 and 7.5 in the mean.

    Weights of 0 and 1 leave the second sample, of a loss of ln 2, 6 and 10; the mean is over both.
    """
    engine = Engine(network, (), 2, auxiliaries=[Constant(3.0), Constant(5.0)])
    engine.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    x, y, outputs = keras.ops.ones((2, 1, 1, 1)), keras.ops.array([0, 1]), keras.ops.zeros((2, 2))
    losses = [
        engine.compute_loss(x, y, outputs),
        engine.compute_loss(x, y, outputs, keras.ops.array([0.0, 1.0])),
        engine.compute_loss(x, y, outputs, training=False),
    ]
    expected = [np.log(2) + 4.5 + 7.5, (np.log(2) + 6 + 10) / 2, np.log(2)]
    assert [float(keras.ops.convert_to_numpy(loss)) for loss in losses] == pytest.approx(expected, rel=1e-6)
    assert len(engine.trainable_variables) == len(network.trainable_variables) + 2


def test_training_accuracy_counts_the_dominant_label(network):
    """Of a target of 30 and 70 %, the second class is right; of 60 and 40 %, it is not."""
    engine = Engine(network, (), 2)
    engine.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True), metrics=accuracies(2))
    outputs, targets = keras.ops.array([[0.0, 1.0], [0.0, 1.0]]), keras.ops.array([[0.3, 0.7], [0.6, 0.4]])
    engine.compute_loss(None, targets, outputs)
    assert float(engine.compute_metrics(None, targets, outputs)["accuracy"]) == 0.5
