import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.fingerprint import difference, fingerprint
from kerastricks.training.fit import Source

RECIPE = kt.Recipe((kt.Warmup(2), kt.MixUp(0.2)), learning_rate=0.1)


def network(width=4, dropout=0.1):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(width, 3)(inputs)
    x = keras.layers.Dropout(dropout)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(3)(x))


@pytest.fixture
def of(images, plan):
    def made(recipe=RECIPE, model=None, plan=plan, data=images, **settings):
        source = Source(data, None, 0.0, None, None)
        return fingerprint(recipe, model or network(), plan, source, settings)

    return made


def test_the_same_is_the_same_whatever_keras_calls_the_layers(of):
    assert difference(of(), of()) == []


def test_a_network_that_tricks_have_changed_is_the_same(of):
    model = network()
    before = of(model=model)
    kt.freeze(model)
    model.layers[1].trainable = False
    assert difference(before, of(model=model)) == []


@pytest.mark.parametrize("other", [{"width": 5}, {"dropout": 0.2}])
def test_another_network(of, other):
    assert [line.partition(":")[0] for line in difference(of(), of(model=network(**other)))] == ["network"]


def test_other_settings_are_named_with_what_differs_alone(of, plan):
    assert difference(of(), of(RECIPE.replacing(kt.Warmup(3)))) == [
        "durations: Warmup epochs=2 then, Warmup epochs=3 now"
    ]
    assert difference(of(), of(RECIPE.without("MixUp")))[1].startswith("tricks: MixUp(alpha=0.2")
    assert difference(of(weights=None), of(weights={1: 2.0})) == ["weights: None then, {'1': 2.0} now"]


def test_more_epochs_may_be_asked_for_with_what_follows_from_them(of):
    longer = kt.Plan(20, 4, 8)
    assert difference(of(), of(RECIPE.replacing(kt.Warmup(4)), plan=longer)) == []
    assert difference(of(plan=longer), of()) == ["epochs: 20 then, 10 now"]


def test_other_labels_or_images(of, images):
    pixels, labels = images
    for data in ((pixels, labels[::-1].copy()), (255 - pixels, labels)):
        (line,) = difference(of(), of(data=data))
        assert line.startswith("training data: 26 images of (8, 8, 3), ")


def test_a_data_set_has_the_form_of_its_batches(of, images):
    pixels, labels = images
    found = of(data=[(pixels[:8], labels[:8]), (pixels[8:16], labels[8:16])])
    assert found["training data"] == "batches of (8, 8, 8, 3) uint8"
    assert np.prod(pixels.shape) > 0
