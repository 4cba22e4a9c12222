import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerastricks as kt
from kerastricks.training.batches import TrainingBatches
from kerastricks.tricks.repeated_augmentation import repeated


@pytest.mark.parametrize(
    ("repeats", "batch_size", "expected"),
    [
        (3, 6, "777 555 | 999 000"),
        (2, 4, "77 55 | 99 00 | 11 22"),
        (3, 4, "777 5 | 999 0 | 111 2"),  # room for one sample and a third
        (2, 5, "77 55 9 | 00 11 2 | 33"),  # the last batch of the epoch is smaller
        (4, 4, "7777 | 5555 | 9999"),
    ],
)
def test_each_sample_is_in_its_batch_several_times(repeats, batch_size, expected):
    samples = [int(sample) for sample in expected if sample.isdigit()]
    order = np.array([7, 5, 9, 0, 1, 2, 3, 4, 6, 8, 10, 11])
    assert repeated(order[: len(samples)], repeats, batch_size).tolist() == samples


@given(st.integers(1, 60), st.integers(2, 5), st.integers(0, 20))
def test_an_epoch_is_as_long_as_before_and_no_sample_is_in_two_batches(count, repeats, more):
    batch_size = repeats + more
    found = repeated(np.arange(count), repeats, batch_size)
    assert len(found) == count
    batches = [found[begin : begin + batch_size] for begin in range(0, count, batch_size)]
    assert sum(len(set(batch.tolist())) for batch in batches) == len(set(found.tolist()))
    for batch in batches:
        assert all((batch == sample).sum() <= repeats for sample in batch)
        assert len(set(batch.tolist())) == -(-len(batch) // repeats)


def test_a_batch_holds_the_same_image_under_other_draws():
    """Of twelve numbers, four in the first epoch, four others in the second; each with draws of its own."""
    numbers = np.arange(12, dtype="uint8").reshape(12, 1, 1, 1)
    tricks = (kt.RepeatedAugmentation(3), kt.RandomCrop(1))
    batches = TrainingBatches(numbers, np.arange(12), kt.Plan(2, 2, 6), tricks)
    epochs = [[batches[step] for step in steps] for steps in ((0, 1), (2, 3))]
    labels = [np.concatenate([batch[1] for batch in epoch]) for epoch in epochs]
    assert [sorted(np.unique(one, return_counts=True)[1]) for one in labels] == [[3, 3, 3, 3]] * 2
    assert set(labels[0]) != set(labels[1])
    for inputs, own in (batch for epoch in epochs for batch in epoch):
        assert inputs["images"].ravel().tolist() == own.tolist()
    tops, lefts = (epochs[0][0][0][f"RandomCrop/{side}"].tolist() for side in ("top", "left"))
    assert len(set(zip(tops, lefts, strict=True))) > 2  # of two samples in the batch


def test_leaves_the_order_of_runs_without_it_alone():
    """The samples are those that a run without it visits first."""
    numbers = np.arange(12, dtype="uint8").reshape(12, 1, 1, 1)
    with_it, without = (
        TrainingBatches(numbers, np.arange(12), kt.Plan(1, 2, 6), tricks)[0][1]
        for tricks in ((kt.RepeatedAugmentation(3),), ())
    )
    assert with_it.tolist() == np.repeat(without[:2], 3).tolist()


@pytest.mark.parametrize("repeats", [1, 0, 2.5, True])
def test_refuses_what_is_no_number_of_repeats(repeats):
    with pytest.raises(ValueError, match="`repeats` must be an integer of at least 2.*Received"):
        kt.RepeatedAugmentation(repeats)


def test_refuses_batches_that_are_too_small(setup):
    kt.RepeatedAugmentation(8).check(setup())
    with pytest.raises(ValueError, match="puts each image 9 times into its batch. Received: batch_size=8"):
        kt.RepeatedAugmentation(9).check(setup())


def test_refuses_a_data_set_before_anything_starts(model, images):
    class Batches(keras.utils.PyDataset):
        num_batches = 2

        def __getitem__(self, index):
            return images

    weights = model.get_weights()
    recipe = kt.Recipe((kt.ZeroGamma(), kt.RepeatedAugmentation()))
    with pytest.raises(
        ValueError, match="RepeatedAugmentation goes by the index of each image.*Received: Batches. Pass"
    ):
        recipe.fit(model, Batches(), epochs=1, verbose=0)
    assert all(np.array_equal(one, other) for one, other in zip(weights, model.get_weights(), strict=True))
