import dataclasses

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerastricks as kt
from kerastricks.tricks.progressive_resizing import scale_at, side_at

QUICK = kt.ProgressiveResizing(delay_fraction=0.25, finetune_fraction=0.25, size_increment=2)


def composer(progress, width, initial, delay, finetune, increment):
    """The rule of Composer's ProgressiveResizing, written out: the width, pinned to a multiple."""
    elapsed = min((progress - delay) / (1 - finetune - delay), 1) if progress >= delay else 0.0
    scale = initial + (1 - initial) * elapsed
    pinned = round(width * scale / increment) * increment / width
    return width if pinned >= 1 else round(pinned * width)


@pytest.mark.any_backend
@pytest.mark.parametrize("settings", [(0.5, 0.5, 0.2, 4), (0.5, 0.0, 0.5, 16), (0.6, 0.3, 0.1, 1)])
@pytest.mark.parametrize("width", [32, 224])
def test_the_sides_are_those_of_composer(settings, width):
    initial, delay, finetune, increment = settings
    for progress in np.linspace(0, 0.99, 100):
        side = side_at(width, scale_at(progress, initial, 1.0, delay, finetune), increment)
        assert side == composer(progress, width, *settings)


@pytest.mark.any_backend
def test_a_run_of_ten_epochs():
    """Half the side for five epochs, growing for three, whole for two: 16 + 16 * (0, 1/3, 2/3) in multiples of four."""
    sizes = kt.ProgressiveResizing()._sizes((32, 48), kt.Plan(10, 4, 8))
    assert sizes == [(16, 24)] * 6 + [(20, 32), (28, 40), (32, 48), (32, 48)]


@pytest.mark.any_backend
def test_the_final_size_may_be_smaller_than_that_of_evaluation():
    """Touvron et al. train at 128 and test at 160: 0.8 of it."""
    trick = kt.ProgressiveResizing(0.8, 0.8, delay_fraction=0, finetune_fraction=0)
    assert set(trick._sizes((160, 160), kt.Plan(10, 4, 8))) == {(128, 128)}


@pytest.mark.any_backend
def test_without_a_ramp_the_size_jumps():
    scales = [scale_at(progress, 0.5, 1.0, 0.5, 0.5) for progress in (0, 0.49, 0.5, 0.99)]
    assert scales == [0.5, 0.5, 1, 1]


def test_the_draw_tells_the_scale_by_its_shape(plan):
    """Ten epochs of four steps: in epoch 6 the scale is 0.5 + 0.5 * (0.6 - 0.5) / 0.3, so 21 of 32."""
    trick = kt.ProgressiveResizing()
    shapes = [trick.draw(None, 8, step, plan)["scale"].shape for step in (0, 23, 24, 27, 39)]
    assert shapes == [(8, 500_000, 0), (8, 500_000, 0), (8, 656_250, 0), (8, 656_250, 0), (8, 1_000_000, 0)]


def test_images_are_resized_with_antialias():
    """Four columns to two: each takes the pixels within two of its middle, with weights 3, 3, 1, over 7."""
    images = np.tile(np.array([0, 7, 14, 70], "float32").reshape(1, 1, 4, 1), (1, 4, 1, 1))
    trick = dataclasses.replace(QUICK, size_increment=1)
    small, targets = trick.batch(ops.array(images), "targets", scale=np.zeros((1, 500_000, 0)))
    assert ops.convert_to_numpy(small)[0, :, :, 0] == pytest.approx(np.array([[5, 37]] * 2), abs=1e-4)
    whole, _ = trick.batch(images, "targets", scale=np.zeros((1, 1_000_000, 0)))
    assert whole is images
    assert targets == "targets"


class Sizes(kt.Trick):
    """Writes down the sides that the network is trained at, in their order."""

    def __init__(self):
        self.seen = {}

    def batch(self, images, targets):
        self.seen[images.shape[1:3]] = None
        return images, targets


@pytest.mark.parametrize("fast", [False, True])
def test_a_run_trains_on_small_images_and_evaluates_on_whole_ones(model, images, fast):
    """Four epochs: 4, 4, 6 and 8 pixels; the optimizer goes on from size to size."""
    sizes = Sizes()
    tricks = (*([kt.Efficient()] if fast else []), kt.RandomCrop(1), QUICK, sizes)
    history = kt.Recipe(tricks).fit(model, images, validation_data=images, epochs=4, batch_size=8, verbose=0)
    assert [*map(tuple, sizes.seen)] == [(4, 4), (6, 6), (8, 8)]
    assert sorted(history.model.stages) == [2, 3]
    assert int(ops.convert_to_numpy(history.model.optimizer.iterations)) == 16
    loss, _ = model.evaluate(images[0], images[1], verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(loss, rel=1e-3 if not fast else 0.1)
    assert model.input_shape == (None, 8, 8, 3)


def test_a_step_is_that_of_a_network_of_that_size(model, images):
    """From the same weights, a run on images of half the side is that of a network built for them, on such images."""
    trick = kt.ProgressiveResizing(0.5, 0.5, size_increment=1)
    inputs = keras.Input((4, 4, 3))
    small = keras.models.clone_model(model, input_tensors=inputs)
    small.set_weights(model.get_weights())
    halves, _ = trick.batch(ops.array(images[0], "float32"), None, scale=np.zeros((1, 500_000, 0)))
    recipe = kt.Recipe(learning_rate=0.01, epochs=2, batch_size=8)
    expected = recipe.fit(small, (ops.convert_to_numpy(halves), images[1]), verbose=0).history["loss"]
    found = kt.Recipe((trick,), learning_rate=0.01, epochs=2, batch_size=8).fit(model, images, verbose=0)
    assert found.history["loss"] == pytest.approx(expected, rel=1e-4)
    for one, other in zip(small.get_weights(), model.get_weights(), strict=True):
        assert one == pytest.approx(other, abs=1e-3)


def test_sizes_are_tried_once_something_tells_them(plan):
    """A network of images of any size, and none to look at yet: nothing is tried; with an image, its sides are."""
    inputs = keras.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, padding="same")(inputs))
    anyhow = keras.Model(inputs, layers.Dense(10)(pooled))
    kt.Recipe((QUICK,)).compile(anyhow, plan)
    with pytest.raises(ValueError, match="images of 1×1 pixels stay as they are"):
        kt.Recipe((QUICK,)).compile(anyhow, plan, images=np.zeros((8, 1, 1, 3), "uint8"))


@pytest.mark.slow
def test_scales_of_one_size(model, images):
    """Five of eight epochs have scales of their own, 3/5 to 1, and only two sizes: multiples of four pixels."""
    trick = kt.ProgressiveResizing(delay_fraction=0, finetune_fraction=0.3)
    recipe = kt.Recipe((trick,), epochs=8, batch_size=13)
    history = recipe.fit(model, images, verbose=0)
    assert len(history.model.stages) == 6
    assert {side for side, _ in trick._sizes((8, 8), history.model.plan)} == {4, 8}


@pytest.mark.slow
def test_a_resumed_run_is_the_same(model, images, tmp_path):
    """Stopped in the middle of the third epoch, the first of its size."""

    class Stops(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(ops.convert_to_numpy(self.model.optimizer.iterations)) == 10:
                raise KeyboardInterrupt

    start = model.get_weights()
    recipe = kt.Recipe((QUICK,), epochs=4, batch_size=8)
    recipe.fit(model, images, verbose=0)
    whole = model.get_weights()
    model.set_weights(start)
    with pytest.raises(KeyboardInterrupt):
        recipe.fit(model, images, verbose=0, checkpoint=tmp_path, callbacks=[Stops()])
    recipe.fit(model, images, verbose=0, checkpoint=tmp_path)
    for one, other in zip(whole, model.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_network_that_ends_in_flatten_is_refused(setup):
    inputs = keras.Input((8, 8, 3))
    flat = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs)), name="flat")
    message = "needs a network that takes images of any size.*Received: 'flat', which does not take 4×4 pixels: "
    with pytest.raises(ValueError, match=message):
        QUICK.check(setup(model=flat))


def test_a_model_without_a_graph_is_refused(setup):
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="ProgressiveResizing runs the layers in the graph.*Received: Subclassed"):
        QUICK.check(setup(model=Subclassed()))


def test_images_that_would_stay_as_they_are_are_refused(setup):
    with pytest.raises(ValueError, match="would have no effect: images of 8×8 pixels stay as they are"):
        dataclasses.replace(QUICK, size_increment=16).check(setup())


def test_a_run_of_one_epoch_is_refused(setup):
    """Its epoch is the last, which has the final scale."""
    with pytest.raises(ValueError, match="stay as they are.*Train for more than one epoch, or leave"):
        QUICK.check(setup(plan=kt.Plan(1, 4, 8)))


def test_the_network_of_another_trick_is_refused(setup):
    class Teacher(kt.Trick):
        def auxiliary(self, model, plan):
            return None

    with pytest.raises(ValueError, match="makes the images small, and Teacher needs them as they are"):
        QUICK.check(setup(tricks=(QUICK, Teacher())))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initial_scale": 0}, r"`initial_scale` must lie in \(0, 1\]"),
        ({"final_scale": 1.5}, r"`final_scale` must lie in \(0, 1\]"),
        ({"initial_scale": 1.0}, "would have no effect: both scales are 1"),
        ({"delay_fraction": -0.1}, "at least 0 and together at most 1"),
        ({"delay_fraction": 0.9}, "at least 0 and together at most 1"),
        ({"size_increment": 0}, "`size_increment` must be an integer of at least 1"),
        ({"size_increment": True}, "`size_increment` must be an integer of at least 1"),
        ({"size_increment": 2.5}, "`size_increment` must be an integer of at least 1"),
    ],
)
def test_refuses_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        kt.ProgressiveResizing(**settings)


@pytest.mark.any_backend
@pytest.mark.parametrize(("epochs", "sides"), [(1, [16]), (2, [8, 16]), (4, [8, 8, 8, 16])])
def test_the_last_epoch_has_the_final_size(epochs, sides):
    trick = kt.ProgressiveResizing(finetune_fraction=0.0, size_increment=1)
    assert [side for side, _ in trick._sizes((16, 16), kt.Plan(epochs, 5, 8))] == sides


def test_a_crop_that_would_set_the_size_anew_is_refused(setup):
    crop = kt.RandomResizedCrop(8)
    with pytest.raises(ValueError, match="would have no effect before RandomResizedCrop, which sets the size anew"):
        QUICK.check(setup(tricks=(QUICK, crop)))
    QUICK.check(setup(tricks=(crop, QUICK)))
    QUICK.check(setup(tricks=(QUICK, kt.RandomResizedCrop())))  # which keeps the size that it is given


def test_looks_at_the_images_that_the_network_sees(setup, images):
    """A network of any size, and crops of 4 pixels: halves of those are not multiples of four."""
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(inputs)))
    trick = kt.ProgressiveResizing(0.6, 0.6)
    trick.check(setup(model=model, images=images[0], tricks=(trick,)))
    with pytest.raises(ValueError, match="images of 4×4 pixels stay as they are"):
        trick.check(setup(model=model, images=images[0], tricks=(kt.RandomResizedCrop(4), trick)))


@pytest.mark.slow
def test_a_run_that_grows_goes_on_beside_layers_that_thaw(model, images, tmp_path):
    """With more epochs the sizes change elsewhere, and the layers thaw where they did: before the fifth epoch."""

    class Stops(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 3:
                raise KeyboardInterrupt

    tricks = (kt.Freeze(4), kt.ProgressiveResizing(0.25, delay_fraction=0, size_increment=2))
    recipe = kt.Recipe(tricks, learning_rate=0.01, epochs=6, batch_size=8)
    with pytest.raises(KeyboardInterrupt):
        recipe.fit(model, images, verbose=0, checkpoint=tmp_path, callbacks=[Stops()])
    before = model.layers[1].get_weights()[0]
    history = recipe.fit(model, images, verbose=0, checkpoint=tmp_path, epochs=12)
    assert not np.array_equal(before, model.layers[1].get_weights()[0])
    assert history.epoch[-1] == 11
