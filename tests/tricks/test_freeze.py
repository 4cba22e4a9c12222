import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt


class Watch(keras.callbacks.Callback):
    """What trains at each epoch, the updates of its optimizer, the first weights, the first moving mean."""

    def __init__(self):
        super().__init__()
        self.seen, self.calls = [], []

    def on_train_begin(self, logs=None):
        self.calls.append("begin")

    def on_train_end(self, logs=None):
        self.calls.append("end")

    def on_epoch_begin(self, epoch, logs=None):
        network = self.model.network
        norm = next(layer for layer in network.layers if isinstance(layer, layers.BatchNormalization))
        first = keras.ops.convert_to_numpy(network.weights[0]), keras.ops.convert_to_numpy(norm.moving_mean)
        self.seen.append((len(network.trainable_variables), int(self.model.optimizer.iterations), *first))


def run(model, images, *tricks, epochs=4, **settings):
    watch = Watch()
    recipe = kt.Recipe(tricks, learning_rate=1e-3)
    history = recipe.fit(
        model, images, validation_data=images, epochs=epochs, batch_size=8, callbacks=[watch], verbose=0, **settings
    )
    return watch, history


def test_trains_the_last_layer_alone_then_all(model, images):
    """Four steps an epoch; the head has two variables, the network 17; one run to callbacks and in the history."""
    watch, history = run(model, images, kt.Freeze(2), kt.EMA(0.9))
    assert [seen[:2] for seen in watch.seen] == [(2, 0), (2, 4), (17, 0), (17, 4)]
    kernels, means = ([seen[at] for seen in watch.seen] for at in (2, 3))
    assert np.array_equal(kernels[0], kernels[2]) and np.array_equal(means[0], means[2])
    assert not np.array_equal(kernels[2], kernels[3]) and not np.array_equal(means[2], means[3])
    assert watch.calls == ["begin", "end"]
    assert history.epoch == [0, 1, 2, 3]
    assert len(history.history["val_averaged_accuracy"]) == 4


@pytest.mark.parametrize("last", [layers.Softmax, lambda: layers.Activation("softmax"), lambda: layers.Reshape((3,))])
def test_the_last_layer_is_the_one_that_learns(last):
    inputs = keras.Input((4,))
    head = layers.Dense(3)
    model = keras.Model(inputs, last()(head(layers.Dense(5)(inputs))))
    frozen = kt.freeze(model)
    assert [layer.name for layer in frozen] == [model.layers[1].name]
    assert model.trainable_variables == head.trainable_variables


def test_outputs_of_several_layers_have_no_last_one(setup):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Add()([layers.Dense(3)(inputs), layers.Dense(3)(inputs)]))
    with pytest.raises(ValueError, match="ends in Add, which has nothing to learn. Set `trainable`"):
        kt.Freeze(1).check(setup(model=model))


def test_the_rate_goes_on_where_the_layers_thaw(model, images):
    _, history = run(model, images, kt.Freeze(1), kt.CosineDecay())
    steps = np.arange(4, 17, 4) - 1  # of the last batch of each epoch
    expected = 1e-3 * (1 + np.cos(np.pi * steps / 16)) / 2
    assert history.history["learning_rate"] == pytest.approx(expected, rel=0.2)
    assert np.all(np.diff(history.history["learning_rate"]) < 0)


def test_freezes_for_good(model, images):
    watch, _ = run(model, images, kt.Freeze(None))
    assert [seen[0] for seen in watch.seen] == [2] * 4


def test_normalization_may_stay_frozen(model, images):
    """Five normalizations have γ and β: of 17 variables, ten."""
    watch, _ = run(model, images, kt.Freeze(1, batch_norm=True))
    assert [seen[0] for seen in watch.seen] == [2, 7, 7, 7]
    assert np.array_equal(watch.seen[0][3], watch.seen[3][3])


def test_begins_thawed_where_the_run_begins_later(model, images):
    watch, history = run(model, images, kt.Freeze(1), initial_epoch=2)
    assert [seen[:2] for seen in watch.seen] == [(17, 0), (17, 4)]
    assert history.epoch == [2, 3]


def test_stopped_early_it_ends_once(model, images):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    watch = Watch()
    recipe = kt.Recipe((kt.Freeze(2),), learning_rate=1e-3)
    history = recipe.fit(model, images, epochs=4, batch_size=8, callbacks=[watch, Stop()], verbose=0)
    assert (watch.calls, history.epoch) == (["begin", "end"], [0])


def test_a_data_set_goes_on_with_its_next_epoch(model, images):
    """26 images in batches of 8, from a generator of Keras' own kind."""

    class Set(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return tuple(part[8 * index : 8 * index + 8] for part in images)

    recipe = kt.Recipe((kt.Freeze(1),), learning_rate=1e-3)
    history = recipe.fit(model, Set(), epochs=3, verbose=0)
    assert np.isfinite(history.history["loss"]).all() and history.epoch == [0, 1, 2]


def test_thaws_what_it_froze_and_nothing_else(model, images):
    first = model.layers[1]
    first.trainable = False
    watch, _ = run(model, images, kt.Freeze(1), epochs=2)
    assert [seen[0] for seen in watch.seen] == [2, 16]  # the kernel of the first convolution stays frozen
    assert not first.trainable


def test_says_what_is_left_to_freeze(model, setup):
    with pytest.raises(ValueError, match="would never thaw: it freezes epochs=10 of the run's 10"):
        kt.Freeze(10).check(setup())
    kt.freeze(model)
    with pytest.raises(ValueError, match="would have no effect: no layer but the last one has trainable weights"):
        kt.Freeze(1).check(setup())
    own = dataclasses.replace(setup(), model=type("Own", (keras.Model,), {})())
    with pytest.raises(ValueError, match="Received: Own, which has none"):
        kt.Freeze(1).check(own)


@pytest.mark.parametrize("epochs", [0, 1.5, -1])
def test_refuses_epochs_out_of_range(epochs):
    with pytest.raises(ValueError, match="must be an integer of at least 1, or None"):
        kt.Freeze(epochs)
