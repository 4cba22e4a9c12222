import keras
import numpy as np
import pytest
from keras import layers, ops

import kerastricks as kt
from kerastricks.models.drop_path import dropping
from kerastricks.models.graph import branches
from kerastricks.tricks.stochastic_depth import drop_rates


@pytest.mark.parametrize(("blocks", "rates"), [(1, [0.4]), (2, [0, 0.4]), (5, [0, 0.1, 0.2, 0.3, 0.4])])
def test_the_rate_grows_with_the_depth(blocks, rates):
    assert drop_rates(0.4, blocks) == pytest.approx(rates)


def test_resnet20_has_nine_blocks_in_their_order():
    model = kt.models.build("resnet20", classes=3, input_shape=(8, 8, 1), width=2)
    assert kt.stochastic_depth(model, 0.8) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    rates = [branch.addition.call.drop.rate for branch in branches(model)[1:]]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])


@pytest.mark.any_backend
@pytest.mark.parametrize("name", ["ResNet50", "ResNet50V2"])  # the second has no normalization at a branch's end
def test_finds_the_blocks_of_keras_applications(name):
    """Sixteen each, as timm counts them: the last of them has the whole rate."""
    model = getattr(keras.applications, name)(weights=None, input_shape=(32, 32, 3), classes=3)
    rates = kt.stochastic_depth(model, 0.15)
    assert len(rates) == 16
    assert rates == pytest.approx(np.arange(16) / 100)
    additions = [branch.addition.name for branch in branches(model)]
    assert additions == sorted(additions)
    assert (additions[0].split("_")[0], additions[-1].split("_")[0]) == ("conv2", "conv5")


@pytest.mark.any_backend
def test_finds_the_blocks_of_a_nested_model():
    inputs = keras.Input((32, 32, 3))
    inner = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), include_top=False, pooling="avg")
    model = keras.Model(inputs, layers.Dense(3)(inner(layers.Rescaling(1 / 255)(inputs))))
    assert len(kt.stochastic_depth(model)) == 10


def test_a_run_drops_paths_and_leaves_the_model_as_it_was(model, images):
    """In training alone: the last of two branches for half of the samples; later training drops nothing."""

    class Watch(keras.callbacks.Callback):
        rates: tuple = ()

        def on_epoch_end(self, epoch, logs=None):
            network = self.model.network
            type(self).rates = tuple(getattr(vars(one.addition).get("call"), "drop", None) for one in branches(network))

    variables = len(model.variables)
    kt.Recipe((kt.StochasticDepth(0.5),)).fit(model, images, epochs=1, batch_size=8, verbose=0, callbacks=[Watch()])
    assert Watch.rates[0] is None
    assert Watch.rates[1].rate == 0.5
    assert dropping(model) is None
    assert len(model.variables) == variables
    assert not any("call" in vars(branch.addition) for branch in branches(model))


def test_a_run_that_fails_leaves_the_model_as_it_was(model, images):
    class Fails(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        kt.Recipe((kt.StochasticDepth(),)).fit(model, images, epochs=1, batch_size=8, verbose=0, callbacks=[Fails()])
    assert dropping(model) is None
    kt.Recipe((kt.StochasticDepth(),)).fit(model, images, epochs=1, batch_size=8, verbose=0)


def test_a_model_that_drops_paths_of_its_own_accord_still_does_after_a_run(model, images):
    kt.stochastic_depth(model)
    kt.Recipe().fit(model, images, epochs=1, batch_size=8, verbose=0)
    assert dropping(model) is branches(model)[1].addition


def test_a_resumed_run_is_the_same(model, images, tmp_path):
    """Stopped in the middle of the second epoch, in the same process and with the same model."""

    class Stops(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1 and int(ops.convert_to_numpy(self.model.optimizer.iterations)) > 3:
                raise KeyboardInterrupt

    start = model.get_weights()
    recipe = kt.Recipe((kt.StochasticDepth(0.5),), epochs=2, batch_size=8)
    whole = recipe.fit(model, images, verbose=0).history["loss"]
    trained = model.get_weights()
    model.set_weights(start)
    with pytest.raises(KeyboardInterrupt):
        recipe.fit(model, images, verbose=0, checkpoint=tmp_path, callbacks=[Stops()])
    resumed = recipe.fit(model, images, verbose=0, checkpoint=tmp_path).history["loss"]
    assert resumed[-1] == pytest.approx(whole[-1], rel=1e-6)
    for one, other in zip(trained, model.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_with_the_other_tricks_that_change_how_layers_are_called(model, images):
    tricks = (kt.Efficient(), kt.ZeroGamma(), kt.StochasticDepth(0.5), kt.EMA(0.9), kt.MixUp())
    history = kt.Recipe(tricks).fit(model, images, validation_data=images, epochs=2, batch_size=8, verbose=0)
    assert np.isfinite(history.history["loss"] + history.history["val_averaged_loss"]).all()


@pytest.mark.parametrize("rate", [0, 1, -0.1, float("nan")])
def test_refuses_what_is_no_probability(rate, model):
    for refused in (kt.StochasticDepth, lambda rate: kt.stochastic_depth(model, rate)):
        with pytest.raises(ValueError, match="must lie between 0 and 1, both excluded. Received: rate="):
            refused(rate)


def test_refuses_a_model_without_branches(setup):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs)), name="plain")
    for refused in (kt.stochastic_depth, lambda model: kt.StochasticDepth().check(setup(model=model))):
        with pytest.raises(ValueError, match="StochasticDepth would have no effect: the model 'plain' has no residual"):
            refused(model)


def test_refuses_a_model_without_a_graph(setup):
    class Subclassed(keras.Model):
        pass

    for refused in (kt.stochastic_depth, lambda model: kt.StochasticDepth().check(setup(model=model))):
        with pytest.raises(ValueError, match="Received: Subclassed, which has none"):
            refused(Subclassed())


def test_refuses_a_model_that_drops_paths_already(setup, model):
    kt.stochastic_depth(model)
    with pytest.raises(ValueError, match="StochasticDepth would drop paths twice: .* Received: Add 'add"):
        kt.StochasticDepth().check(setup())


@pytest.mark.any_backend
def test_refuses_an_efficientnet_of_keras(setup):
    model = keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=3)
    with pytest.raises(
        ValueError, match="would drop paths twice: the model 'efficientnetb0' .* Dropout 'block2b_drop'"
    ):
        kt.StochasticDepth().check(setup(model=model))


def test_refuses_an_addition_that_is_called_twice(setup):
    """Its two calls could not have two rates, nor drop branches at two places."""
    x, add = keras.Input((8, 8, 3)), layers.Add(name="sum")
    first = add([layers.Conv2D(3, 3, padding="same")(x), x])
    second = add([first, layers.Conv2D(3, 3, padding="same")(first)])
    model = keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(second)))
    with pytest.raises(ValueError, match="StochasticDepth cannot tell the calls of 'sum' apart"):
        kt.StochasticDepth().check(setup(model=model))
