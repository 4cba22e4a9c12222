import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.batches import TrainingBatches
from kerastricks.tricks.alternating_flip import flipped

IMAGES = np.arange(12, dtype="float32").reshape(2, 2, 3, 1)


def test_mirrors_the_columns_of_the_images_that_are_chosen():
    images, targets = kt.AlternatingFlip().batch(keras.ops.array(IMAGES), "targets", np.array([1.0, 0.0], "float32"))
    flipped = keras.ops.convert_to_numpy(images)[..., 0].tolist()
    assert flipped == [[[2, 1, 0], [5, 4, 3]], [[6, 7, 8], [9, 10, 11]]]
    assert targets == "targets"


def test_half_of_the_samples_begin_and_the_others_follow():
    samples = np.arange(10_000)
    first, second, third = (flipped(samples, epoch, seed=0) for epoch in range(3))
    assert first.mean() == pytest.approx(0.5, abs=0.015)
    assert (first + second == 1).all()
    assert np.array_equal(first, third)
    assert (first != flipped(samples, 0, seed=1)).mean() == pytest.approx(0.5, abs=0.02)


def test_the_bit_is_that_of_the_sample_whatever_else_is_in_the_batch():
    whole = flipped(np.arange(1000), 0, seed=5)
    for samples in ([0], [999, 3], [512, 511, 1, 0], [7]):
        assert flipped(np.array(samples), 0, seed=5).tolist() == whole[samples].tolist()


def test_each_image_is_seen_from_both_sides_in_any_two_epochs():
    """Through the batches of a run, in whatever order they come: as the paper's loader, which flips all every time."""
    columns = np.stack([np.arange(40), 100 + np.arange(40)], 1).astype("uint8").reshape(40, 1, 2, 1)
    trick = kt.AlternatingFlip()
    batches = TrainingBatches(columns, np.arange(40), kt.Plan(4, 5, 8, seed=2), (trick,))
    seen = np.zeros((4, 40), int)
    for step in range(20):
        inputs, labels = batches[step]
        images, _ = trick.batch(keras.ops.cast(inputs["images"], "float32"), None, inputs["AlternatingFlip/flip"])
        left = keras.ops.convert_to_numpy(images)[:, 0, 0, 0]
        seen[step // 5, labels] = np.where(left == labels, -1, 1)
    assert 8 < (seen[0] == 1).sum() < 32
    assert np.array_equal(seen[1:], -seen[:-1])


def test_a_run_of_one_epoch_is_refused(setup):
    plan = kt.Plan(1, 4, 8)
    with pytest.raises(ValueError, match="AlternatingFlip mirrors an image in every other epoch, and the run has one"):
        kt.AlternatingFlip().check(setup(plan=plan))


def test_flips_beside_others_are_refused(setup):
    with pytest.raises(ValueError, match="AlternatingFlip would have no effect after RandomFlip"):
        kt.AlternatingFlip().check(setup(tricks=(kt.RandomFlip(), kt.AlternatingFlip())))


def test_a_data_set_is_refused_before_anything_starts(model, images):
    with pytest.raises(ValueError, match="AlternatingFlip goes by the index of each image.*Received: list. Pass"):
        kt.Recipe((kt.AlternatingFlip(),)).fit(model, [images], epochs=2, verbose=0)


def test_is_none_of_several_to_choose_from():
    with pytest.raises(ValueError, match="RandomChoice chooses among tricks that change images and targets alone"):
        kt.RandomChoice((kt.AlternatingFlip(), kt.RandomErasing()))


def test_without_draws_as_in_keras_own_fit_nothing_is_mirrored(model, images, plan):
    engine = kt.Recipe((kt.AlternatingFlip(),)).compile(model, plan)
    found, _ = engine.transform({"images": images[0]}, images[1])
    assert np.array_equal(keras.ops.convert_to_numpy(found), images[0])


def test_a_trick_that_leaves_images_out_of_an_epoch_is_refused(setup):
    tricks = (kt.RepeatedAugmentation(2), kt.AlternatingFlip())
    with pytest.raises(ValueError, match="would show some images one side alone: RepeatedAugmentation leaves images"):
        tricks[1].check(setup(tricks=tricks))
