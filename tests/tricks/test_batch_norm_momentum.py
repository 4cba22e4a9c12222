import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.tricks.batch_norm_momentum import fitted_momentum


@pytest.mark.parametrize(("updates", "expected"), [(100, 0.99), (4, 0.75), (2, 0.5), (1, 0.5)])
def test_spans_its_updates(updates, expected):
    assert fitted_momentum(updates) == pytest.approx(expected)


def momenta(model):
    return [layer.momentum for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_shortens_long_memories_alone(model, plan):
    """Four steps an epoch: two epochs are eight batches, momentum 7/8; a layer at 0.5 stays."""
    next(layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)).momentum = 0.5
    kt.BatchNormMomentum(epochs=2).model(model, plan)
    assert momenta(model) == pytest.approx([0.5, 0.875, 0.875, 0.875, 0.875])


def test_evaluation_catches_up_with_training(images):
    """Bright images, far from the initial mean 0 and variance 1, at momentum 0.999 in 60 steps."""
    pixels, labels = images
    pixels = (pixels // 2 + np.where(labels == 1, 120, 60)[:, None, None, None]).astype("uint8")
    scores = {}
    for tricks in ((), (kt.BatchNormMomentum(),)):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.BatchNormalization(momentum=0.999)(inputs)
        outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
        model = keras.Model(inputs, outputs)
        recipe = kt.Recipe(tricks, learning_rate=0.05, weight_decay=0)
        run = {"validation_data": (pixels, labels), "epochs": 15, "batch_size": 8, "verbose": 0}
        scores[len(tricks)] = recipe.fit(model, (pixels, labels), **run).history["val_loss"][-1]
    assert scores[1] < scores[0] / 2


def test_refuses_what_has_no_long_memory(model, setup):
    kt.BatchNormMomentum(0.5).model(model, setup().plan)
    with pytest.raises(ValueError, match="no BatchNormalization of the model has a momentum above 0.5"):
        kt.BatchNormMomentum(0.5).check(setup(model=model))
