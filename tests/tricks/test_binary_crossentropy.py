import keras
import numpy as np
import pytest

import kerastricks as kt

TRICKS = kt.BinaryCrossentropy(), kt.BinaryCrossentropy(0.2)


def test_asks_for_each_class_on_its_own(plan):
    """Logits of 0 are doubts of one half: ln 2 for each class, and in the mean."""
    loss = kt.BinaryCrossentropy().loss(keras.losses.CategoricalCrossentropy(from_logits=True), plan)
    value = loss(np.array([[1.0, 0.0, 0.0]]), np.zeros((1, 3)))
    assert float(value) == pytest.approx(np.log(2), abs=1e-6)


def test_takes_logits_and_refuses_probabilities(setup):
    kt.BinaryCrossentropy().check(setup())
    with pytest.raises(ValueError, match="classifier_activation=None"):
        kt.BinaryCrossentropy().check(setup(loss=keras.losses.CategoricalCrossentropy()))


def test_above_the_threshold_a_class_is_wholly_there(plan):
    """Of 0.7, 0.3 and 0 the first two are there; the loss is that of 1, 1 and 0, and the same for what was 1 and 0."""
    plain, sharp = (trick.loss(keras.losses.CategoricalCrossentropy(from_logits=True), plan) for trick in TRICKS)
    logits = np.array([[2.0, -1.0, 0.5]])
    assert float(sharp(np.array([[0.7, 0.3, 0.0]]), logits)) == float(plain(np.array([[1.0, 1.0, 0.0]]), logits))
    assert float(sharp(np.array([[0.85, 0.15, 0.0]]), logits)) == float(plain(np.array([[1.0, 0.0, 0.0]]), logits))
    again = keras.losses.deserialize(keras.losses.serialize(sharp))
    assert (again.threshold, again.from_logits) == (0.2, True)


def test_trains_with_a_threshold_and_leaves_a_model_that_evaluates(model, images, tmp_path):
    kt.Recipe((kt.MixUp(1.0), TRICKS[1])).fit(model, images, epochs=1, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    pixels, labels = images[0].astype("float32"), images[1]
    expected, found = (one.evaluate(pixels, labels, verbose=0)[0] for one in (model, again))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("threshold", [-0.1, 1.0])
def test_refuses_a_threshold_out_of_range(threshold):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\), or be None. Received"):
        kt.BinaryCrossentropy(threshold)
