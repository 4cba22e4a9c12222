import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.optimizers.sgd import batches_done
from kerastricks.tricks.lookahead import step_size_at

RUN = {"batch_size": 8, "verbose": 0}


@pytest.mark.parametrize(
    ("update", "power", "expected"),
    [(0, 0, 0.2), (6, 0, 0.2), (12, 0, 0.2), (0, 3, 1.0), (6, 3, 0.9), (12, 3, 0.2), (6, 1, 0.6)],
)
def test_the_step_size(update, power, expected):
    """0.2 throughout, or from 1 to 0.2: at half of the run an eighth of the way there, or half of it."""
    assert step_size_at(update, 12, 0.2, power) == pytest.approx(expected)


def test_jordans_form():
    """1 - 0.95**5 * (update / updates)**3, the momentum of which is 0.774 at the end."""
    for update in range(1, 13):
        momentum = 0.95**5 * (update / 12) ** 3
        assert step_size_at(update, 12, 1 - 0.95**5, 3) == pytest.approx(1 - momentum)


class Record(keras.callbacks.Callback):
    """The trainable weights after each epoch, as one vector."""

    def __init__(self):
        super().__init__()
        self.values = []

    def on_epoch_end(self, epoch, logs=None):
        self.values.append(vector(self.model.network))


def vector(model):
    return np.concatenate([keras.ops.convert_to_numpy(one).ravel() for one in model.trainable_variables])


def run(model, images, *tricks, epochs=2, **settings):
    """Four updates an epoch."""
    record = Record()
    recipe = kt.Recipe(tricks, **{"learning_rate": 0.01, **settings.pop("recipe", {})})
    history = recipe.fit(model, images, epochs=epochs, callbacks=[record], **RUN, **settings)
    return record.values, history


def test_goes_back_a_part_of_the_way(model, images):
    """After four updates, the first time that the slow weights move, a quarter of the way alone is left."""
    start, weights = vector(model), model.get_weights()
    alone, _ = run(model, images, epochs=1)
    model.set_weights(weights)
    ahead, _ = run(model, images, kt.Lookahead(4, 0.25), epochs=1)
    assert ahead[0] == pytest.approx(start + 0.25 * (alone[0] - start), abs=1e-5)


def test_the_run_ends_at_the_slow_weights(model, images):
    """They move after update 6, and the run has eight."""
    _, history = run(model, images, kt.Lookahead(6))
    slow = history.model.optimizer.variables[-len(model.trainable_variables) :]
    found = np.concatenate([keras.ops.convert_to_numpy(one).ravel() for one in slow])
    assert np.array_equal(vector(model), found)


@pytest.mark.slow
@pytest.mark.parametrize("tricks", [(), (kt.GradientAccumulation(2),), (kt.EMA(0.9), kt.CosineDecay())], ids=len)
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(model, images, tricks, tmp_path):
    """Stopped within the third epoch, between two moves of the slow weights."""

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batches_done(self.model.optimizer) == 9:
                raise KeyboardInterrupt

    tricks = (kt.Lookahead(4, 0.5, 2.0), *tricks)
    start = model.get_weights()
    whole, _ = run(model, images, *tricks, epochs=4)
    model.set_weights(start)
    with pytest.raises(KeyboardInterrupt):
        kt.Recipe(tricks, learning_rate=0.01).fit(
            model, images, epochs=4, callbacks=[Record(), Stop()], checkpoint=tmp_path, **RUN
        )
    model.set_weights(start)
    again, _ = run(model, images, *tricks, epochs=4, checkpoint=tmp_path)
    assert again[-1] == pytest.approx(whole[-1], abs=1e-6)


def test_the_order_beside_others_does_not_matter(model, images):
    """What others set on the optimizer before or after is set on the one that looks ahead."""
    weights, found = model.get_weights(), []
    others = (kt.NoBiasDecay(), kt.LayerDecay(0.5), kt.GradientClipping(0.1), kt.GradientAccumulation(2))
    for tricks in ((kt.Lookahead(2), *others), (*others, kt.Lookahead(2))):
        model.set_weights(weights)
        found.append(run(model, images, *tricks, recipe={"weight_decay": 0.1})[0][-1])
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_begins_anew_where_layers_thaw(model, images):
    """The last layer's two variables have slow weights for an epoch, then all of them; the others stay till then."""
    start = vector(model)
    values, history = run(model, images, kt.Freeze(1), kt.Lookahead(4), epochs=3)
    head = 4 * 3 + 3
    assert values[0].size == head and len(start) > head
    assert sum("slow" in one.name for one in history.model.optimizer.variables) == len(model.trainable_variables) == 17
    assert batches_done(history.model.optimizer) == 8


def test_loss_scaling_wraps_it_or_it_looks_ahead_within(model):
    plan = kt.Plan(2, 4, 8)
    for tricks in ((kt.Lookahead(2), kt.LowPrecision("float16")), (kt.LowPrecision("float16"), kt.Lookahead(2))):
        optimizer = kt.SGD(0.1)
        for trick in tricks:
            optimizer = trick.optimizer(optimizer, model, plan)
        optimizer.build(model.trainable_variables)
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        assert sum("slow" in variable.name for variable in optimizer.variables) == len(model.trainable_variables)


def test_a_saved_model_opens_in_plain_keras(model, images, tmp_path):
    run(model, images, kt.Lookahead(3))
    model.save(tmp_path / "model.keras")
    optimizer = keras.saving.load_model(tmp_path / "model.keras").optimizer
    assert isinstance(optimizer, keras.optimizers.SGD) and not isinstance(optimizer, kt.SGD)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": 0}, "`steps` of Lookahead must be an integer of at least 1"),
        ({"steps": 2.5}, "`steps` of Lookahead must be an integer"),
        ({"step_size": 0}, "must lie between 0 and 1, both excluded"),
        ({"step_size": 1}, "at 1 it would have no effect"),
        ({"power": -1}, "`power` of Lookahead must be at least 0"),
        ({"power": float("nan")}, "`power` of Lookahead must be at least 0"),
    ],
)
def test_refuses_settings(settings, said):
    with pytest.raises(ValueError, match=said):
        kt.Lookahead(**settings)


def test_refuses_a_run_that_is_too_short(setup):
    """Forty updates are enough for 40 steps, and not for 41; nor are twenty for 40."""
    kt.Lookahead(40).check(setup())
    with pytest.raises(ValueError, match="Lookahead would leave .* the run has 40 updates"):
        kt.Lookahead(41).check(setup())
    with pytest.raises(ValueError, match="the run has 20 updates"):
        kt.Lookahead(40).check(setup(plan=kt.Plan(10, 4, 8, accumulation=2)))


def test_the_share_of_the_run_counts_what_was_before(model, images):
    """The fourth update of an optimizer that begins after four of eight is the last: its part is that of the end."""
    found, weights = [], model.get_weights()
    for ahead in (kt.Lookahead(4, 0.25, 3), kt.Lookahead(4, 0.25)):
        model.set_weights(weights)
        found.append(run(model, images, ahead, initial_epoch=1)[0][-1])
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_thawed_layers_end_at_the_slow_weights(model, images):
    """The optimizer of the second epoch has four updates, of which the third moves the slow weights."""
    _, history = run(model, images, kt.Freeze(1), kt.Lookahead(3))
    slow = history.model.optimizer.variables[-len(model.trainable_variables) :]
    found = np.concatenate([keras.ops.convert_to_numpy(one).ravel() for one in slow])
    assert np.array_equal(vector(model), found)


def test_too_few_updates_after_layers_thaw_are_refused(setup):
    """Ten epochs of four updates; two of them are left when the layers thaw before the last but one."""
    tricks = (kt.Freeze(8), kt.Lookahead(9))
    with pytest.raises(ValueError, match="the run has 8 updates then, and the slow weights move every 9"):
        tricks[1].check(setup(tricks=tricks))
    kt.Lookahead(8).check(setup(tricks=tricks))


def test_ends_at_the_slow_weights_where_updates_span_the_thaw(model, images):
    """Four batches an epoch, three an update: the second optimizer makes 12 // 3, and not 16 // 3 less 4 // 3."""
    tricks = (kt.Freeze(1), kt.GradientAccumulation(3), kt.Lookahead(3))
    _, history = run(model, images, *tricks, epochs=4)
    slow = history.model.optimizer.variables[-len(model.trainable_variables) :]
    found = np.concatenate([keras.ops.convert_to_numpy(one).ravel() for one in slow])
    assert np.array_equal(vector(model), found)
