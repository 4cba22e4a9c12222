"""A run that is stopped between any two batches and goes on is the run that was not stopped, bit for bit."""

import os
import signal
import warnings

import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt
from kerastricks.training import checkpoint_file

EPOCHS, STEPS = 4, 4  # of 26 images, eight in a batch
RECIPE = kt.Recipe(
    (
        kt.Freeze(1),
        kt.Warmup(2),
        kt.CosineDecay(),
        kt.GradientAccumulation(3),
        kt.LabelSmoothing(),
        kt.MixUp(),
        kt.EMA(0.9),
        kt.EarlyStopping(3),
    ),
    learning_rate=0.1,
    epochs=EPOCHS,
    batch_size=8,
)


def network():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(layers.ReLU()(x)))
    return keras.Model(inputs, layers.Dense(3)(x))


class Stop(keras.callbacks.Callback):
    """Sends a signal to the process before a batch of training, or of validation."""

    def __init__(self, epoch, batch, number=signal.SIGINT, phase="train"):
        super().__init__()
        self._place, self._number = (epoch, batch, phase), number

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self._perhaps((self._epoch, batch, "train"))

    def on_test_batch_begin(self, batch, logs=None):
        self._perhaps((self._epoch, batch, "validate"))

    def _perhaps(self, place):
        if place == self._place:
            os.kill(os.getpid(), self._number)


def fit(images, directory=None, *callbacks, model=None, recipe=RECIPE, **settings):
    model = model or network()
    checkpoint = directory and kt.Checkpoint(directory, share=1.0)
    settings = {"validation_data": images, "seed": 3, "verbose": 0, **settings}
    return recipe.fit(model, images, checkpoint=checkpoint, callbacks=list(callbacks), **settings)


def outcome(history):
    """All that must be the same: the history but for times, and every weight and average."""
    engine = history.model
    kept = {name: values for name, values in history.history.items() if name != "data_wait"}
    arrays = [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in engine.variables]
    return history.epoch, kept, [array.tobytes() for array in arrays]


@pytest.fixture(scope="module")
def whole():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (26, 8, 8, 3), "uint8"), (np.arange(26) % 3).astype("int32")
    return images, outcome(fit(images))


@pytest.mark.parametrize(
    "place",
    [(0, 3, "train"), (0, 1, "validate"), (1, 0, "train"), (1, 2, "train"), (2, 0, "validate"), (3, 3, "train")],
    ids=str,
)
def test_bit_for_bit(whole, tmp_path, place):
    """The last layer alone learns in epoch 0; groups of three batches span the epochs."""
    images, expected = whole
    epoch, batch, phase = place
    with pytest.raises(KeyboardInterrupt, match=f"done; the run is saved in {tmp_path}"):
        fit(images, tmp_path, Stop(epoch, batch, phase=phase))
    assert outcome(fit(images, tmp_path)) == expected


def test_stopped_again_and_again(whole, tmp_path):
    images, expected = whole
    for place in [(0, 1), (0, 2), (1, 1), (1, 3), (3, 1)]:
        with pytest.raises(KeyboardInterrupt):
            fit(images, tmp_path, Stop(*place))
    assert outcome(fit(images, tmp_path)) == expected


def test_sigterm_ends_the_process_with_143(whole, tmp_path):
    images, _ = whole
    with pytest.raises(SystemExit) as caught:
        fit(images, tmp_path, Stop(1, 2, signal.SIGTERM))
    assert caught.value.code == 143
    assert str(caught.value) == f"2 of 4 batches of epoch 2 done; the run is saved in {tmp_path}"


def test_a_network_that_was_stopped_goes_on_itself(whole, tmp_path):
    """As in a notebook, where the cell is run again."""
    images, expected = whole
    model = network()
    with pytest.raises(KeyboardInterrupt):
        fit(images, tmp_path, Stop(2, 1), model=model)
    assert outcome(fit(images, tmp_path, model=model)) == expected


def test_a_run_that_is_over_returns_at_once(whole, tmp_path):
    images, expected = whole
    fit(images, tmp_path)

    class Never(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            pytest.fail("it trains")

    assert outcome(fit(images, tmp_path, Never())) == expected


def test_without_a_checkpoint_ctrl_c_leaves_a_network_that_can_be_used(whole):
    images, _ = whole
    model = network()
    with pytest.raises(KeyboardInterrupt, match="the network has the weights that it had then; nothing was saved"):
        fit(images, None, Stop(1, 2), model=model)
    answers = model.predict(images[0].astype("float32"), verbose=0)
    assert np.isfinite(answers).all()
    fit(images, model=model)


def test_more_epochs_go_on_where_the_run_ended(whole, tmp_path):
    """Of a constant rate: as the longer run from the beginning."""
    images, _ = whole
    recipe = kt.Recipe((kt.MixUp(),), learning_rate=0.01, batch_size=8)
    expected = outcome(fit(images, recipe=recipe, epochs=5))
    fit(images, tmp_path, recipe=recipe, epochs=3)
    assert outcome(fit(images, tmp_path, recipe=recipe, epochs=5)) == expected


def test_more_epochs_say_what_becomes_of_a_schedule(whole, tmp_path):
    images, _ = whole
    recipe = kt.Recipe((kt.CosineDecay(),), learning_rate=0.01, batch_size=8)
    fit(images, tmp_path, recipe=recipe, epochs=2)
    with pytest.warns(UserWarning, match=r"goes on after epoch 2 to 4: its learning rate.*0\.000.* becomes 0\.00[56]"):
        fit(images, tmp_path, recipe=recipe, epochs=4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 4}, "holds a run with other settings: seed: 3 then, 4 now"),
        (
            {"recipe": RECIPE.replacing(kt.MixUp(0.4))},
            r"tricks: MixUp\(alpha=0.2, .*\) then, MixUp\(alpha=0.4, .*\) now",
        ),
        ({"recipe": RECIPE.replacing(kt.Warmup(3))}, "durations: Warmup epochs=2 then, Warmup epochs=3 now"),
        ({"epochs": 3, "recipe": RECIPE.without("EarlyStopping")}, "epochs: 4 then, 3 now"),
        ({"class_weight": {0: 2.0}}, "class weights: None then, {'0': 2.0} now"),
    ],
)
def test_another_run_is_refused(whole, tmp_path, changes, message):
    images, _ = whole
    with pytest.raises(KeyboardInterrupt):
        fit(images, tmp_path, Stop(0, 1))
    with pytest.raises(ValueError, match=message):
        fit(images, tmp_path, **changes)


def test_other_data_is_refused(whole, tmp_path):
    images, _ = whole
    with pytest.raises(KeyboardInterrupt):
        fit(images, tmp_path, Stop(0, 1))
    with pytest.raises(ValueError, match="training data: 26 images"):
        fit((images[0], images[1][::-1].copy()), tmp_path)
    with pytest.raises(ValueError, match="network: "):
        model = network()
        fit(images, tmp_path, model=keras.Sequential([model, layers.Activation("linear")]))


def test_a_damaged_checkpoint_costs_one_interval_and_no_more(whole, tmp_path):
    images, expected = whole
    with pytest.raises(KeyboardInterrupt):
        fit(images, tmp_path, Stop(2, 2))
    newest = sorted(tmp_path.glob("step-*"))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="is no whole checkpoint"):
        assert outcome(fit(images, tmp_path)) == expected


def test_the_loss_is_noticed_before_the_next_batch_but_one(whole, tmp_path):
    """Batch 6 of the run, index 1 of epoch 1, holds the only image that is no number; no checkpoint comes after it."""
    (pixels, labels), _ = whole
    from kerastricks.data.randomness import permutation

    broken = int(permutation(3, 1, 26)[8])
    pixels = pixels.astype("float32")
    first = int(np.flatnonzero(permutation(3, 0, 26) == broken)[0]) // 8
    pixels[broken, 0, 0, 0] = np.nan
    recipe = kt.Recipe(learning_rate=0.01, batch_size=8)
    with pytest.raises(kt.Diverged, match=rf"Images of that batch hold NaN or infinity: {broken}\. Repair") as caught:
        fit((pixels, labels), tmp_path, recipe=recipe, epochs=2)
    assert (caught.value.epoch, caught.value.step) == (0, first)
    assert broken in caught.value.samples and len(caught.value.samples) in (8, 2)
    assert all(checkpoint_file.read(path).header["step"] <= first for path in tmp_path.glob("step-*"))


def test_a_rollback_halves_the_rate_until_the_loss_is_a_number(whole, tmp_path):
    images, _ = whole
    recipe = kt.Recipe(learning_rate=8e18, batch_size=8)
    with pytest.raises(kt.Diverged), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(images, tmp_path, recipe=recipe, epochs=2, on_nan="rollback")


def test_a_rollback_goes_on_at_half_the_rate(whole, tmp_path):
    """The weights are made infinite once, after epoch 0, which is then not saved: the run goes back to its start."""
    images, _ = whole
    broken = []

    class Once(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)

    class Break(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0 and not broken:
                broken.append(True)
                kernel = self.model.weights[-2]
                kernel.assign(keras.ops.full(kernel.shape, np.inf))

    recipe = kt.Recipe(learning_rate=0.01, batch_size=8)
    with pytest.warns(UserWarning, match=r"Back to where it was good.* the learning rate is 0\.5 of the recipe's"):
        history = fit(images, tmp_path, Break(), recipe=recipe, epochs=3, on_nan="rollback", loss=Once())
    assert history.history["learning_rate"] == pytest.approx([0.005] * 3)
    assert history.epoch == [0, 1, 2] and np.isfinite(history.history["loss"]).all()
    assert len(history.model.notes) == 1


class Seen(keras.metrics.Metric):
    """Images of the epoch so far."""

    def __init__(self):
        super().__init__(name="seen")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.count.assign_add(keras.ops.cast(keras.ops.shape(y_true)[0], "float32"))

    def result(self):
        return keras.ops.convert_to_tensor(self.count)


def test_a_rollback_into_an_epoch_counts_each_image_once(whole, tmp_path):
    """The last two images of epoch 1 are NaN once: the run goes back to the 24 that are counted already."""
    (pixels, labels), _ = whole
    from kerastricks.data.randomness import permutation

    last = permutation(3, 1, 26)[24:]

    class Once:
        shape, dtype = pixels.shape, np.dtype("float32")
        broken = False

        def __getitem__(self, indices):
            images = pixels[indices].astype("float32")
            if np.array_equal(indices, last) and not Once.broken:
                Once.broken = True
                images[:] = np.nan
            return images

    checkpoint = kt.Checkpoint(tmp_path, minutes=1e-9, share=1.0)
    recipe = kt.Recipe(learning_rate=0.01, batch_size=8)
    settings = {"epochs": 3, "on_nan": "rollback", "metrics": [Seen()], "verbose": 0}
    with pytest.warns(UserWarning, match="Back to where it was good, 3 batches of epoch 2 done"):
        history = recipe.fit(network(), (Once(), labels), seed=3, checkpoint=checkpoint, **settings)
    assert history.history["seen"] == [26.0, 26.0, 26.0]


def test_a_failing_batch_leaves_the_network_whole(whole):
    """On JAX Keras takes the values out of the variables for a step."""
    (pixels, labels), _ = whole

    class Fails:
        shape, dtype = pixels.shape, pixels.dtype
        taken = 0

        def __getitem__(self, indices):
            Fails.taken += 1
            if Fails.taken > 2:  # the checks, and the batch that Keras looks at
                raise OSError("the disk is gone")
            return pixels[indices]

    model = network()
    before = model.get_weights()
    recipe = kt.Recipe(learning_rate=0.01, batch_size=8)
    with pytest.raises(OSError, match="the disk is gone"):
        recipe.fit(model, (Fails(), labels), epochs=2, verbose=0)
    assert [weight.shape for weight in model.get_weights()] == [weight.shape for weight in before]
    assert np.isfinite(model.predict(pixels.astype("float32"), verbose=0)).all()
    recipe.fit(model, (pixels, labels), epochs=1, verbose=0)


def test_a_data_set_goes_on_after_the_batches_that_are_done(whole, tmp_path):
    """One that gives the same batches in each pass."""
    (pixels, labels), _ = whole
    batches = [(pixels[i : i + 8], labels[i : i + 8]) for i in (0, 8, 16)]
    recipe = kt.Recipe((kt.MixUp(),), learning_rate=0.01)
    expected = outcome(recipe.fit(network(), batches, epochs=3, seed=1, verbose=0))
    with pytest.raises(KeyboardInterrupt):
        recipe.fit(network(), batches, epochs=3, seed=1, verbose=0, checkpoint=tmp_path, callbacks=[Stop(1, 2)])
    assert outcome(recipe.fit(network(), batches, epochs=3, seed=1, verbose=0, checkpoint=tmp_path)) == expected


def test_the_best_is_the_best_of_all_parts(whole, tmp_path):
    images, _ = whole
    said = []
    recipe = kt.Recipe(learning_rate=0.01, batch_size=8)

    def go(*callbacks):
        checkpoint = kt.Checkpoint(tmp_path, share=1.0, on_best=lambda engine: said.append(len(said)))
        return recipe.fit(
            network(), images, validation_data=images, epochs=6, verbose=0, checkpoint=checkpoint, callbacks=callbacks
        )

    with pytest.raises(KeyboardInterrupt):
        go(Stop(3, 1))
    scores = go().history["val_accuracy"]
    better = [score for index, score in enumerate(scores) if score > max(scores[:index], default=-1)]
    assert len(said) == len(better)
    assert checkpoint_file.read(tmp_path / "best.npz").header["best"] == max(scores)


def test_what_may_be_asked():
    with pytest.raises(ValueError, match="`on_nan` must be 'stop' or 'rollback'. Received: on_nan='ignore'"):
        kt.Recipe().fit(None, None, on_nan="ignore")


def differing(history, expected):
    """The parts of an outcome that are not as they should be."""
    parts = zip(("epochs", "history", "arrays"), outcome(history), expected, strict=True)
    return [name for name, found, wanted in parts if found != wanted]


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.7 * rate),
        lambda: keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0),
        lambda: keras.callbacks.EarlyStopping("loss", patience=2, min_delta=0.05),
    ],
    ids=["scheduler", "plateau", "stopping"],
)
@pytest.mark.parametrize("place", [(1, 0, "train"), (1, 2, "train"), (2, 1, "validate")], ids=str)
def test_callbacks_of_keras_go_on(whole, tmp_path, make, place):
    images, _ = whole
    recipe = kt.Recipe(learning_rate=0.01, epochs=5, batch_size=8)
    expected = outcome(fit(images, None, make(), recipe=recipe))
    epoch, batch, phase = place
    with pytest.raises(KeyboardInterrupt):
        fit(images, tmp_path, make(), Stop(epoch, batch, phase=phase), recipe=recipe)
    assert differing(fit(images, tmp_path, make(), recipe=recipe), expected) == []


def test_settings_of_callbacks_are_those_of_the_call(whole, tmp_path):
    images, _ = whole
    recipe = kt.Recipe(learning_rate=0.01, epochs=3, batch_size=8)

    class Knows(keras.callbacks.Callback):
        def __init__(self, setting):
            super().__init__()
            self.setting, self.pair, self.seen = setting, (0, {1: "a"}), 0

        def on_epoch_end(self, epoch, logs=None):
            self.seen, self.pair = self.seen + 1, (epoch, {epoch: "b"})

    with pytest.raises(KeyboardInterrupt):
        fit(images, tmp_path, Knows("old"), Stop(2, 0), recipe=recipe)
    other = Knows("new")
    fit(images, tmp_path, other, recipe=recipe)
    assert (other.setting, other.seen, other.pair) == ("new", 3, (2, {2: "b"}))


def test_updates_that_a_loss_scale_skips_are_not_counted(whole, tmp_path):
    """The first loss scales are too large for float32, and so it is anew after every three updates."""
    images, _ = whole

    def scaled(learning_rate, weight_decay):
        return keras.optimizers.LossScaleOptimizer(kt.SGD(learning_rate), 2.0**127, dynamic_growth_steps=3)

    recipe = kt.Recipe((kt.MixUp(),), learning_rate=0.01, optimizer=scaled, epochs=3, batch_size=8)
    expected = outcome(fit(images, recipe=recipe))
    for place in [(1, 2), (2, 0)]:
        with pytest.raises(KeyboardInterrupt):
            fit(images, tmp_path / str(place), Stop(*place), recipe=recipe)
        assert differing(fit(images, tmp_path / str(place), recipe=recipe), expected) == []


def test_a_network_whose_layers_are_frozen_goes_on_itself(whole, tmp_path):
    images, _ = whole
    recipe = kt.Recipe((kt.Freeze(2), kt.BatchNormMomentum()), learning_rate=0.01, epochs=3, batch_size=8)
    expected = outcome(fit(images, recipe=recipe))
    model = network()
    with pytest.raises(KeyboardInterrupt):
        fit(images, tmp_path, Stop(0, 2), model=model, recipe=recipe)
    for _ in range(2):  # the second time it is finished
        assert differing(fit(images, tmp_path, model=model, recipe=recipe), expected) == []


def test_a_network_that_has_been_trained_goes_on_itself_with_tricks_for_the_start(whole, tmp_path, model):
    """ZeroGamma refuses a trained network, and LowPrecision one that is in low precision."""
    images, _ = whole
    tricks = (kt.ZeroGamma(), kt.LowPrecision("bfloat16"), kt.NoBiasDecay())
    recipe = kt.Recipe(tricks, learning_rate=0.01, epochs=3, batch_size=8)
    expected = outcome(fit(images, model=keras.models.clone_model(model), recipe=recipe, seed=5))
    with pytest.raises(KeyboardInterrupt):
        fit(images, tmp_path, Stop(1, 2), model=model, recipe=recipe, seed=5)
    history = fit(images, tmp_path, model=model, recipe=recipe, seed=5)
    assert history.epoch == expected[0]
    with pytest.raises(ValueError, match="ZeroGamma is for the start of training"):
        fit(images, model=model, recipe=recipe, seed=5)


def test_more_epochs_with_layers_that_have_thawed(whole, tmp_path):
    """Of three epochs the first is frozen, of nine the first three: what has thawed stays so."""
    images, _ = whole
    recipe = kt.Recipe((kt.Freeze(1),), learning_rate=0.01, epochs=3, batch_size=8)
    fit(images, tmp_path, recipe=recipe)
    history = fit(images, tmp_path, recipe=recipe.scaled(9))
    assert history.epoch == list(range(9))
    assert all(layer.trainable for layer in history.model.network.layers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_last_batch_is_not_lost(whole, tmp_path, number):
    images, _ = whole
    recipe = kt.Recipe(learning_rate=0.01, epochs=2, batch_size=8)

    class Late(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                os.kill(os.getpid(), number)

    with pytest.raises((KeyboardInterrupt, SystemExit), match=f"all epochs are done; the run is saved in {tmp_path}"):
        fit(images, tmp_path, Late(), recipe=recipe)
    assert fit(images, tmp_path, recipe=recipe).epoch == [0, 1]


def test_a_run_that_had_stopped_early_does_not_go_on(whole, tmp_path):
    """It is killed after the checkpoint of its last epoch, before the one of its end."""
    images, _ = whole
    recipe = kt.Recipe(learning_rate=0.01, epochs=5, batch_size=8)

    class StopAt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

        def on_train_end(self, logs=None):
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fit(images, tmp_path, StopAt(), recipe=recipe)
    assert fit(images, tmp_path, recipe=recipe).epoch == [0, 1]


def test_an_ignored_ctrl_c_stays_ignored(whole):
    images, _ = whole
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        history = fit(images, None, Stop(0, 1), recipe=kt.Recipe(learning_rate=0.01, epochs=1, batch_size=8))
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.epoch == [0]
