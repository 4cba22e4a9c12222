import keras
import numpy as np
import pytest

import kerastricks as kt


def test_asks_for_each_class_on_its_own(plan):
    """Logits of 0 are doubts of one half: ln 2 for each class, and in the mean."""
    loss = kt.BinaryCrossentropy().loss(keras.losses.CategoricalCrossentropy(from_logits=True), plan)
    value = loss(np.array([[1.0, 0.0, 0.0]]), np.zeros((1, 3)))
    assert float(value) == pytest.approx(np.log(2), abs=1e-6)


def test_takes_logits_and_refuses_probabilities(setup):
    kt.BinaryCrossentropy().check(setup())
    with pytest.raises(ValueError, match="classifier_activation=None"):
        kt.BinaryCrossentropy().check(setup(loss=keras.losses.CategoricalCrossentropy()))
