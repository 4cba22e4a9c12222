import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.batches import TrainingBatches
from kerastricks.tricks.ema import momentum_at

RUN = {"batch_size": 8, "verbose": 0}


@pytest.mark.parametrize(("updates", "expected"), [(0, 0.1), (8, 0.5), (80, 0.9), (1000, 0.99)])
def test_forgets_the_start(updates, expected):
    """(1 + updates) / (10 + updates), and at most the momentum."""
    assert float(momentum_at(keras.ops.array(updates, "float32"), 0.99)) == pytest.approx(expected, abs=1e-6)


class Record(keras.callbacks.Callback):
    """The weights after each epoch; with one step an epoch, after each update."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append([keras.ops.convert_to_numpy(weight) for weight in self.model.network.weights])


def averages(engine):
    return [keras.ops.convert_to_numpy(variable) for variable in engine.averages.averages]


def test_is_the_average_of_what_the_weights_were(model, images):
    """Followed by hand over five updates, batch statistics included."""
    expected, record = model.get_weights(), Record()
    images = tuple(part[:8] for part in images)
    history = kt.Recipe((kt.EMA(0.5),)).fit(model, images, epochs=5, callbacks=[record], **RUN)
    for update, weights in enumerate(record.weights, start=1):
        m = min(0.5, (1 + update) / (10 + update))
        expected = [m * average + (1 - m) * weight for average, weight in zip(expected, weights, strict=True)]
    for average, by_hand in zip(averages(history.model), expected, strict=True):
        assert average == pytest.approx(by_hand, rel=1e-6, abs=1e-5)


def test_training_goes_on_as_without_it(model, images):
    start = model.get_weights()
    trained = []
    for tricks in ((), (kt.EMA(),)):
        model.set_weights(start)
        kt.Recipe(tricks).fit(model, images, validation_data=images, epochs=2, **RUN)
        trained.append(model.get_weights())
    for without, beside in zip(*trained, strict=True):
        assert beside == pytest.approx(without, abs=1e-6)


def test_both_are_evaluated(model, images):
    history = kt.Recipe((kt.EMA(0.9),)).fit(model, images, validation_data=images, epochs=3, **RUN)
    raw = history.model.evaluate
    pixels, labels = images
    scores = raw(pixels, labels, batch_size=8, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(history.history["val_loss"][-1], rel=1e-5)
    assert scores["averaged_loss"] == pytest.approx(history.history["val_averaged_loss"][-1], rel=1e-5)
    assert scores["averaged_loss"] != scores["loss"]
    with history.model.averaged():
        lent = raw(pixels, labels, batch_size=8, verbose=0)
    assert lent[0] == pytest.approx(scores["averaged_loss"], rel=1e-5)


class Stop(keras.callbacks.Callback):
    """Ctrl-C in the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_ctrl_c_leaves_weights_and_averages_as_after_the_epochs_before(model, images):
    start = model.get_weights()
    engine = kt.Recipe((kt.EMA(0.9),)).fit(model, images, epochs=2, **RUN).model
    whole = [*model.get_weights(), *averages(engine)]
    model.set_weights(start)
    recipe = kt.Recipe((kt.EMA(0.9),))
    engine = recipe.compile(model, kt.Plan(4, 4, 8))
    batches = TrainingBatches(*images, kt.Plan(4, 4, 8), recipe.tricks)
    with pytest.raises(KeyboardInterrupt):
        engine.fit(batches, steps_per_epoch=4, epochs=4, shuffle=False, verbose=0, callbacks=[Stop()])
    for cut, expected in zip([*model.get_weights(), *averages(engine)], whole, strict=True):
        assert cut == pytest.approx(expected, abs=1e-5)


def test_an_early_stop_leaves_the_raw_weights(model, images):
    class Once(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    start = model.get_weights()
    kt.Recipe().fit(model, images, epochs=1, **RUN)
    raw = model.get_weights()
    model.set_weights(start)
    kt.Recipe((kt.EMA(0.9),)).fit(model, images, epochs=5, callbacks=[Once()], **RUN)
    for stopped, expected in zip(model.get_weights(), raw, strict=True):
        assert stopped == pytest.approx(expected, abs=1e-6)


def test_a_second_fit_goes_on_from_the_raw_weights(model, images):
    recipe = kt.Recipe((kt.EMA(0.9),))
    recipe.fit(model, images, epochs=1, **RUN)
    history = recipe.fit(model, images, epochs=1, validation_data=images, **RUN)
    assert np.isfinite(history.history["val_averaged_loss"]).all()


def test_counts_updates_not_batches(model, images):
    """Two batches an update and two an epoch: one update an epoch, followed by hand."""
    images = tuple(part[:16] for part in images)
    recipe = kt.Recipe((kt.GradientAccumulation(2), kt.EMA(0.5)))
    kernel = next(i for i, weight in enumerate(model.weights) if weight.name == "kernel")
    expected, record = model.get_weights()[kernel], Record()
    engine = recipe.fit(model, images, epochs=3, callbacks=[record], **RUN).model
    for update, weights in enumerate(record.weights, start=1):
        m = min(0.5, (1 + update) / (10 + update))
        expected = m * expected + (1 - m) * weights[kernel]
    assert averages(engine)[kernel] == pytest.approx(expected, abs=1e-5)


def test_one_average_a_recipe(model, images):
    class Other(kt.EMA):
        pass

    message = "EMA and Other both set the averaged weights. Keep one of them in the recipe."
    with pytest.raises(ValueError, match=message):
        kt.Recipe((kt.EMA(), Other())).fit(model, images, epochs=1, **RUN)


def test_averages_a_low_precision_in_a_higher_one(images):
    """Weights in bfloat16 have an average in float32, which one update moves nine elevenths of the way."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, dtype="bfloat16")(x))
    start, record = [keras.ops.convert_to_numpy(weight) for weight in model.weights], Record()
    images = tuple(part[:8] for part in images)
    run = {"validation_data": images, "epochs": 1, "callbacks": [record], **RUN}
    engine = kt.Recipe((kt.EMA(),)).fit(model, images, **run).model
    for average, first, weight in zip(averages(engine), start, record.weights[0], strict=True):
        by_hand = 2 / 11 * first.astype("float32") + 9 / 11 * weight.astype("float32")
        assert average.dtype == "float32"
        # Within a step, XLA may average a weight as it is before it is rounded to bfloat16.
        assert (np.abs(average - by_hand) <= 2**-8 * np.abs(weight.astype("float32")) + 1e-6).all()
    assert {weight.dtype for weight in model.weights} == {"bfloat16"}


def test_without_it_there_is_nothing_to_lend(model, images):
    engine = kt.Recipe().fit(model, images, epochs=1, **RUN).model
    with pytest.raises(ValueError, match="No weights are averaged"):
        engine.averaged()


@pytest.mark.parametrize("momentum", [0, 1, -0.5, float("nan")])
def test_refuses_a_momentum_out_of_range(momentum):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        kt.EMA(momentum)
