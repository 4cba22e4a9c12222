import functools

import keras
import numpy as np
import pytest

import kerastricks as kt


class Watch(keras.callbacks.Callback):
    def __init__(self, called):
        super().__init__()
        self.called = called

    def on_train_begin(self, logs=None):
        self.called.append("begin")

    def on_train_end(self, logs=None):
        self.called.append("end")

    def on_epoch_begin(self, epoch, logs=None):
        self.called.append(epoch)


def run(model, images, called, begins, **settings):
    """Trains for four epochs of four steps with a trick that has stages at the epochs `begins`."""

    class Staged(kt.Trick):
        def stages(self, model, plan):
            return {epoch: lambda epoch=epoch: called.append(f"stage {epoch}") for epoch in begins}

    recipe = kt.Recipe((Staged(), kt.CosineDecay()), learning_rate=0.01)
    settings = {"epochs": 4, "batch_size": 8, "verbose": 0, **settings}
    return recipe.fit(model, images, validation_data=images, callbacks=[Watch(called)], **settings)


def test_the_actions_come_before_their_epochs_and_callbacks_see_one_run(model, images):
    called = []
    history = run(model, images, called, (3, 1))
    assert called == ["begin", 0, "stage 1", 1, 2, "stage 3", 3, "end"]
    assert history.epoch == [0, 1, 2, 3] and len(history.history["val_loss"]) == 4


@pytest.mark.parametrize(
    ("initial_epoch", "expected"),
    [
        (1, ["stage 1", "begin", 1, 2, "stage 3", 3, "end"]),
        (3, ["stage 1", "stage 3", "begin", 3, "end"]),
    ],
)
def test_those_of_past_epochs_come_at_once(model, images, initial_epoch, expected):
    called = []
    run(model, images, called, (1, 3), initial_epoch=initial_epoch)
    assert called == expected


def test_those_beyond_the_end_never_come(model, images):
    called = []
    run(model, images, called, (4, 9))
    assert called == ["begin", 0, 1, 2, 3, "end"]


def test_the_network_trains_as_without_stages(model, images):
    """The order, the draws, the rates and the momentum are those of the whole run."""
    start = model.get_weights()
    losses = []
    for begins in ((), (2,)):
        model.set_weights(start)

        class Staged(kt.Trick):
            def stages(self, model, plan, begins=begins):
                return {epoch: lambda: None for epoch in begins}

        recipe = kt.Recipe((Staged(), kt.CosineDecay(), kt.MixUp()), learning_rate=0.01)
        history = recipe.fit(model, images, epochs=4, batch_size=8, verbose=0)
        losses.append(history.history["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_the_averages_of_an_optimizer_are_put_into_the_weights_once_at_the_end(model, images):
    start = model.get_weights()
    ends = []
    for begins in ((), (1, 2)):
        model.set_weights(start)

        class Staged(kt.Trick):
            def stages(self, model, plan, begins=begins):
                return {epoch: lambda: None for epoch in begins}

        optimizer = functools.partial(keras.optimizers.SGD, use_ema=True, ema_momentum=0.9)
        recipe = kt.Recipe((Staged(),), optimizer=optimizer, learning_rate=0.05)
        history = recipe.fit(model, images, epochs=3, batch_size=8, verbose=0)
        ends.append([model.get_weights(), history.history["loss"]])
    assert ends[1][1] == pytest.approx(ends[0][1], rel=1e-4)
    for one, other in zip(ends[0][0], ends[1][0], strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    average = keras.ops.convert_to_numpy(history.model.optimizer._model_variables_moving_average[0])
    assert np.array_equal(average, keras.ops.convert_to_numpy(model.trainable_variables[0]))


@pytest.mark.parametrize(("freezes", "begun", "updates"), [(False, 0, 16), (True, 8, 8)])
def test_the_optimizer_begins_anew_where_other_variables_are_trained(model, images, freezes, begun, updates):
    """Four epochs of four steps, of which the third is the first of a stage."""

    class Staged(kt.Trick):
        def stages(self, model, plan):
            def enter():
                model.layers[1].trainable = not freezes

            return {2: enter}

    history = kt.Recipe((Staged(),), learning_rate=0.01).fit(model, images, epochs=4, batch_size=8, verbose=0)
    assert history.model.begun == begun
    assert int(keras.ops.convert_to_numpy(history.model.optimizer.iterations)) == updates
