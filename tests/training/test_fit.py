"""What Keras users pass to `fit`, and what they do with the model around it and afterwards."""

import keras
import numpy as np
import pytest

import kerastricks as kt

RUN = {"batch_size": 8, "verbose": 0}
RECIPE = kt.Recipe(learning_rate=0.01, weight_decay=0)


def test_samples_of_weight_zero_do_not_train(model, images):
    """Half the images with weight zero, mixed with the others: the same gradient as if their targets were empty."""
    pixels, labels = images
    weights = np.arange(len(labels)) % 2
    start, trained = model.get_weights(), []
    for spoiled in (labels, np.where(weights, labels, (labels + 1) % 3)):
        model.set_weights(start)
        RECIPE.fit(model, (pixels, spoiled.astype("int32"), weights), epochs=1, **RUN)
        trained.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained, strict=True))


@pytest.mark.parametrize("trick", [kt.MixUp(1.0), kt.CutMix()])
def test_weights_mix_with_their_targets(trick, model, images):
    pixels, labels = images
    weights = np.arange(len(labels)) % 2
    start, trained = model.get_weights(), []
    for spoiled in (labels, np.where(weights, labels, (labels + 1) % 3)):
        model.set_weights(start)
        recipe = kt.Recipe((trick, kt.LabelSmoothing()), learning_rate=0.01)
        recipe.fit(model, (pixels, spoiled.astype("int32")), sample_weight=weights, epochs=1, **RUN)
        trained.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained, strict=True))


def test_a_mixed_target_weighs_what_its_parts_do():
    """Half of weight 2 and half of weight 1: the target is (2/3, 1/3), its weight 1.5."""
    inputs = keras.Input((1, 1, 1))
    network = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    seen = []

    class Spy(kt.training.engine.Engine):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            seen.append((keras.ops.convert_to_numpy(y), keras.ops.convert_to_numpy(sample_weight)))
            return super().compute_loss(x, y, y_pred, sample_weight, training)

    engine = Spy(network, (kt.MixUp(),), 2)
    engine.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True), run_eagerly=True, jit_compile=False)
    inputs = {"images": np.zeros((2, 1, 1, 1), "float32"), "MixUp/weight": np.full(2, 0.5, "float32")}
    inputs["MixUp/order"] = np.array([1, 0], "int32")
    data = (inputs, np.array([0, 1]), np.array([2.0, 1.0], "float32"))
    if keras.backend.backend() == "jax":
        pytest.skip("JAX traces the loss: no numbers to look at")
    engine.train_on_batch(*data)
    targets, weights = seen[-1]
    assert targets == pytest.approx(np.array([[2 / 3, 1 / 3], [2 / 3, 1 / 3]]), abs=1e-6)
    assert weights == pytest.approx([1.5, 1.5])


def test_class_weights_are_sample_weights(model, images):
    _, labels = images
    start, trained = model.get_weights(), []
    by_class = {0: 1.0, 1: 3.0}  # and 1 for the class that is not named
    for settings in ({"class_weight": by_class}, {"sample_weight": np.where(labels == 1, 3.0, 1.0)}):
        model.set_weights(start)
        RECIPE.fit(model, images, epochs=1, **settings, **RUN)
        trained.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained, strict=True))


def test_splits_from_the_end_as_keras_does(model, images):
    """A quarter of 26 images: floor(19.5) = 19 train, in three batches of eight; 7 validate."""
    history = RECIPE.fit(model, images, validation_split=0.25, epochs=1, **RUN)
    assert history.model.plan.steps_per_epoch == 3
    scores = history.model.evaluate(images[0][19:], images[1][19:], verbose=0, return_dict=True)
    assert history.history["val_loss"][0] == pytest.approx(scores["loss"], rel=1e-4)


def test_validates_as_often_as_asked(model, images):
    history = RECIPE.fit(model, images, validation_data=images, validation_freq=2, epochs=4, **RUN)
    assert len(history.history["val_loss"]) == 2


def test_shorter_epochs(model, images):
    history = RECIPE.fit(model, images, steps_per_epoch=2, epochs=3, **RUN)
    assert int(history.model.optimizer.iterations) == 6
    with pytest.raises(ValueError, match=r"must lie in \[1, 4\]: 26 images make 4 batches of 8"):
        RECIPE.fit(model, images, steps_per_epoch=5, epochs=3, **RUN)


def test_begins_at_an_epoch_with_its_order_and_learning_rate(model, images):
    """The second of two epochs of four steps: the rate of its last step, step 7 of 8."""
    recipe = kt.Recipe((kt.CosineDecay(),), learning_rate=0.1)
    history = recipe.fit(model, images, epochs=2, initial_epoch=1, **RUN)
    assert history.epoch == [1]
    assert history.history["learning_rate"] == pytest.approx([0.05 * (1 + np.cos(np.pi * 7 / 8))], rel=1e-5)


def test_an_optimizer_that_begins_later_has_its_own_first_steps(model, images):
    """Adam's first step is the learning rate, whatever the gradient, also at step 4 of 8: it corrects its own bias."""
    recipe = kt.Recipe((kt.CosineDecay(),), learning_rate=1e-3, weight_decay=0, optimizer=kt.AdamW)
    before = model.get_weights()
    steps = {"epochs": 8, "steps_per_epoch": 1, "batch_size": 26, "verbose": 0}
    history = recipe.fit(model, images, initial_epoch=7, **steps)
    moved = max(np.abs(one - other).max() for one, other in zip(before[:1], model.get_weights()[:1], strict=True))
    assert moved == pytest.approx(0.5e-3 * (1 + np.cos(np.pi * 7 / 8)), rel=1e-2)
    assert (history.model.begun, int(history.model.optimizer.iterations)) == (7, 1)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras on PyTorch has none")
def test_several_steps_an_execution_train_alike(model, images):
    start, trained = model.get_weights(), []
    for steps in (1, 2):
        model.set_weights(start)
        RECIPE.fit(model, images, epochs=2, steps_per_execution=steps, **RUN)
        trained.append(model.get_weights())
    for one, other in zip(*trained, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_metrics_of_the_users(model, images):
    history = RECIPE.fit(model, images, metrics=[keras.metrics.F1Score(average="macro", name="f1")], epochs=1, **RUN)
    assert {"accuracy", "f1"} <= set(history.history)


@pytest.mark.parametrize("form", ["integers", "one-hot"])
def test_the_network_works_by_itself_afterwards(form, model, images, tmp_path):
    pixels, labels = images
    labels = labels if form == "integers" else np.eye(3, dtype="float32")[labels]
    history = kt.Recipe((kt.LabelSmoothing(),)).fit(
        model, (pixels, labels), validation_data=(pixels, labels), epochs=1, **RUN
    )
    scores = model.evaluate(pixels, labels, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(history.history["val_loss"][0], rel=1e-4)
    assert scores["accuracy"] == pytest.approx(history.history["val_accuracy"][0])
    model.fit(pixels, labels, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.get_weights()[0], model.get_weights()[0])


def test_the_engine_takes_arrays_too(model, images):
    """Keras' own `fit` brings no draws: the random tricks rest."""
    engine = kt.Recipe((kt.MixUp(), kt.LabelSmoothing())).fit(model, images, epochs=1, **RUN).model
    history = engine.fit(*images, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


class Look(keras.callbacks.Callback):
    """Keeps what a user's callback sees."""

    def on_epoch_end(self, epoch, logs=None):
        self.layers = [layer.name for layer in self.model.layers]
        self.weights = self.model.get_weights()
        self.lines = []
        self.model.summary(print_fn=lambda line, *_, **__: self.lines.append(line))


def test_callbacks_see_the_users_network(model, images):
    look = Look()
    RECIPE.fit(model, images, epochs=1, callbacks=[look], **RUN)
    assert look.layers == [layer.name for layer in model.layers]
    assert all(np.array_equal(a, b) for a, b in zip(look.weights, model.get_weights(), strict=True))
    assert model.layers[-1].name in "".join(look.lines)


@pytest.mark.parametrize("weights_only", [False, True])
def test_checkpoints_fit_the_users_network(weights_only, model, images, tmp_path):
    path = str(tmp_path / ("best.weights.h5" if weights_only else "best.keras"))
    checkpoint = keras.callbacks.ModelCheckpoint(path, save_weights_only=weights_only)
    RECIPE.fit(model, images, epochs=2, callbacks=[checkpoint], **RUN)
    trained = model.get_weights()
    if weights_only:
        model.set_weights([np.zeros_like(weight) for weight in trained])
        model.load_weights(path)
    else:
        model = keras.saving.load_model(path)
    assert all(np.array_equal(a, b) for a, b in zip(trained, model.get_weights(), strict=True))


@pytest.mark.parametrize(("tricks", "every"), [((kt.Freeze(1),), "epoch"), ((), 2)])
def test_a_backup_that_would_go_on_elsewhere_is_refused(model, images, tmp_path, tricks, every):
    backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"), save_freq=every)
    with pytest.raises(ValueError, match="BackupAndRestore goes on at the beginning of an epoch.* Pass `checkpoint=`"):
        kt.Recipe(tricks).fit(model, images, epochs=3, callbacks=[backup], **RUN)


def test_a_backup_goes_on_where_it_was(model, images, tmp_path):
    """Interrupted after the first of three epochs and started anew: the weights of an uninterrupted run."""

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    recipe = kt.Recipe((kt.CosineDecay(), kt.RandomFlip()), learning_rate=0.05)
    start = model.get_weights()
    recipe.fit(model, images, epochs=3, **RUN)
    whole = model.get_weights()
    model.set_weights(start)

    def backup():
        return keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))

    with pytest.raises(KeyboardInterrupt):
        recipe.fit(model, images, epochs=3, callbacks=[backup(), Interrupt()], **RUN)
    model.set_weights([np.zeros_like(weight) for weight in start])
    history = recipe.fit(model, images, epochs=3, callbacks=[backup()], **RUN)
    assert history.epoch == [1, 2]
    for one, other in zip(whole, model.get_weights(), strict=True):
        assert one == pytest.approx(other, abs=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras' TensorBoard needs TensorFlow")
def test_tensorboard_writes(model, images, tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    board = keras.callbacks.TensorBoard(str(tmp_path), histogram_freq=1)
    RECIPE.fit(model, images, validation_data=images, epochs=1, callbacks=[board], **RUN)
    assert list(tmp_path.rglob("events*"))


def test_warns_where_statistics_lag_behind(images):
    pixels, _ = images
    labels = (np.arange(26) % 2).astype("int32")
    pixels = np.where(labels[:, None, None, None], 200, 180).astype("uint8") * np.ones_like(pixels)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization(momentum=0.999)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    recipe = kt.Recipe(learning_rate=0.5, weight_decay=0)
    with pytest.warns(UserWarning, match=r"have momentum 0.999, and after 40 steps they still hold 96%.*BatchNormMom"):
        recipe.fit(model, (pixels, labels), validation_data=(pixels, labels), epochs=10, **RUN)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "categorical_crossentropy"}, r"ends in logits. Received: loss=.*from_logits=False"),
        ({"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}, "The loss gets distributions"),
        ({"loss": "sparse_categorical_crossentropy"}, "The loss gets distributions"),
        ({"validation_split": 0.2, "validation_data": 1}, "in place of `validation_data`"),
        ({"validation_split": 2.0}, r"must lie in \(0, 1\)"),
    ],
)
def test_refuses_what_does_not_fit(settings, message, model, images):
    with pytest.raises(ValueError, match=message):
        RECIPE.fit(model, images, epochs=1, **settings, **RUN)


def test_a_loss_beside_a_trick_that_sets_it(model, images):
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    with pytest.raises(ValueError, match="BinaryCrossentropy sets the loss, and so does `loss`"):
        kt.Recipe((kt.BinaryCrossentropy(),)).fit(model, images, loss=loss, epochs=1, **RUN)


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam(), "adam"])
def test_an_optimizer_that_is_no_class(optimizer):
    with pytest.raises(ValueError, match="pass a class, as `keras.optimizers"):
        kt.Recipe(optimizer=optimizer)


@pytest.mark.parametrize("trick", [kt.ColorJitter(), kt.PCANoise(), kt.RandAugment(), kt.TrivialAugment()])
@pytest.mark.parametrize("scale", [lambda x: x / 255, lambda x: (x - 128) / 64], ids=["0 to 1", "standardized"])
def test_levels_are_asked_for(trick, scale, model, images):
    pixels, labels = images
    scaled = scale(pixels.astype("float32"))
    with pytest.raises(ValueError, match=r"levels from 0 to 255. Received: pixels from .*Rescaling"):
        kt.Recipe((trick,)).fit(model, (scaled, labels), epochs=1, **RUN)
    kt.Recipe((trick,)).fit(model, (pixels.astype("float32"), labels), epochs=1, **RUN)


def test_channels_first_is_refused(images):
    inputs = keras.Input((3, 8, 8))
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_first")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    pixels, labels = images
    with pytest.raises(ValueError, match="Received: data_format='channels_first'"):
        RECIPE.fit(model, (pixels.transpose(0, 3, 1, 2), labels), epochs=1, **RUN)


def test_a_trained_network_keeps_its_gamma(model, images):
    recipe = kt.Recipe((kt.ZeroGamma(),))
    recipe.fit(model, images, epochs=1, **RUN)
    before = model.get_weights()
    with pytest.raises(ValueError, match="has been trained: it would erase what γ has learned"):
        recipe.fit(model, images, epochs=1, **RUN)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_frozen_base_has_its_branches(model):
    model.trainable = False
    assert len(kt.zero_gamma(model)) == 2


@pytest.mark.parametrize("side", ["train", "validation_data"])
def test_wrong_labels_leave_the_model_as_it_is(side, model, images):
    pixels, labels = images
    before, policies = model.get_weights(), [layer.dtype_policy.name for layer in model.layers]
    recipe = kt.Recipe((kt.ZeroGamma(), kt.LowPrecision()))
    sides = {"train": images, "validation_data": images, side: (pixels, labels + 5)}
    with pytest.raises(ValueError, match=f"The labels of `{side}` must lie in"):
        recipe.fit(model, **sides, epochs=1, **RUN)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert policies == [layer.dtype_policy.name for layer in model.layers]


def test_an_epoch_begins_at_its_batch_under_accumulation(model, images):
    """Three steps an epoch, two batches an update: epoch 1 begins at batch 3, which is no whole number of updates."""
    begun = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            begun.append(batches.start)

    made = kt.training.fit.Source.training

    def remember(self, *arguments):
        nonlocal batches
        batches = made(self, *arguments)
        return batches

    batches = None
    recipe = kt.Recipe((kt.GradientAccumulation(2),), learning_rate=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kt.training.fit.Source, "training", remember)
        recipe.fit(model, images, epochs=3, initial_epoch=1, steps_per_epoch=3, callbacks=[Look()], **RUN)
    assert set(begun) == {3}


def test_samples_of_weight_zero_count_in_the_accuracy_as_in_keras(model, images):
    """Two images of classes 0 and 1, both taken for class 1: accuracy 1/2, though the first has no weight."""
    inputs = keras.Input((1, 1, 1))
    outputs = keras.layers.Dense(2, bias_initializer=keras.initializers.Constant([0.0, 9.0]))
    network = keras.Model(inputs, outputs(keras.layers.Flatten()(inputs)))
    data = np.zeros((2, 1, 1, 1), "uint8"), np.array([0, 1]), np.array([0.0, 1.0])
    history = kt.Recipe(learning_rate=1e-6).fit(network, data, epochs=1, batch_size=2, verbose=0)
    assert history.history["accuracy"] == [0.5]


def test_keras_usual_nothing(model, images):
    RECIPE.fit(model, images, callbacks=None, metrics=None, epochs=1, **RUN)


def test_a_network_of_binary_losses_works_afterwards(model, images):
    history = kt.Recipe((kt.BinaryCrossentropy(),), learning_rate=0.01).fit(
        model, images, validation_data=images, epochs=1, **RUN
    )
    loss, accuracy = model.evaluate(*images, verbose=0)
    assert loss == pytest.approx(history.history["val_loss"][0], rel=1e-4)
    assert accuracy == pytest.approx(history.history["val_accuracy"][0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps_per_execution": 3}, "must divide the steps of an epoch.*steps_per_execution=3 and 4 steps"),
        ({"initial_epoch": 1}, r"`initial_epoch` must lie in \[0, 0\]"),
        ({"class_weight": {7: 2.0}}, "labels, 0 to 2, to numbers of at least 0"),
        ({"class_weight": {0: -1.0}}, "numbers of at least 0"),
        ({"class_weight": [1, 2, 3]}, "must be a dictionary"),
        ({"metrics": [keras.metrics.SparseCategoricalAccuracy()]}, "Metrics get distributions"),
        ({"loss": keras.losses.KLDivergence()}, "ends in logits"),
    ],
)
def test_refuses_what_would_go_wrong_in_silence(settings, message, model, images):
    with pytest.raises(ValueError, match=message):
        RECIPE.fit(model, images, epochs=1, **settings, **RUN)


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_whole_numbers_are_no_levels_by_themselves(dtype, model, images):
    pixels, labels = images
    wide = (pixels.astype("int32") * (200 if dtype == "uint16" else 1) - (128 if dtype == "int16" else 0)).astype(dtype)
    with pytest.raises(ValueError, match="levels from 0 to 255"):
        kt.Recipe((kt.ColorJitter(),)).fit(model, (wide, labels), epochs=1, **RUN)


def test_images_of_another_shape(model, images):
    pixels, labels = images
    with pytest.raises(ValueError, match=r"\(8, 8, 3\). Received: images of shape \(3, 8, 8\).*transpose"):
        RECIPE.fit(model, (pixels.transpose(0, 3, 1, 2), labels), epochs=1, **RUN)
