import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.image import operations
from kerastricks.tricks.rand_augment import SPACE

ROW = np.array([[[[10], [20], [30], [40]]]], "float32")


def augmented(*chains, images=ROW):
    """An image through chains of operations and amounts, one row of levels for each chain."""
    operation = np.array([[operations.NAMES.index(name) for name, _ in chain] for chain in chains], "int32")
    amount = np.array([[amount for _, amount in chain] for chain in chains], "float32")
    images = keras.ops.array(np.repeat(images, len(chains), axis=0))
    return keras.ops.convert_to_numpy(kt.rand_augment(images, operation, amount))[:, 0, :, 0].tolist()


def test_operations_follow_one_another():
    """And translations are shares of the side in whole pixels: 150/331 of 4 is 1.8, one pixel."""
    assert augmented(
        [("Brightness", 0.5), ("Solarize", 40)],
        [("Solarize", 40), ("Brightness", 0.5)],
        [("TranslateX", 150 / 331), ("Identity", 0)],
        [("Identity", 0), ("TranslateX", -150 / 331)],
    ) == [[15, 30, 210, 195], [15, 30, 45, 255], [0, 10, 20, 30], [20, 30, 40, 0]]


def test_a_share_that_is_a_whole_number_of_pixels():
    """Of 331 pixels, 45 at magnitude 9."""
    wide = augmented([("TranslateX", 45 / 331)], images=np.ones((1, 1, 331, 1), "float32"))
    assert wide == [[0] * 45 + [1] * 286]


@pytest.mark.any_backend
def test_translations_are_those_of_torchvision_for_all_sides():
    """Sides to 16,384 at all magnitudes: 31 numbers from 0 to 150/331 of the side in float32, of which it cuts."""
    sides = np.arange(1, 16_385)
    share = SPACE[operations.NAMES.index("TranslateX")]
    pixels = np.floor(share * sides[:, np.newaxis].astype("float32") + np.float32(1e-3))
    assert pixels.dtype == "float32"
    expected = np.stack([np.trunc(operations.magnitudes(150 / 331 * side)) for side in sides])
    assert np.array_equal(pixels, expected)


def test_each_image_has_its_own_operations(plan):
    trick = kt.RandAugment(operations=3)
    drawn = trick.draw(np.random.default_rng(0), 8, 0, plan)
    assert {name: value.shape for name, value in drawn.items()} == {"operation": (8, 3), "amount": (8, 3)}
    images = np.random.default_rng(0).integers(0, 256, (8, 9, 10, 3)).astype("float32")
    together, targets = trick.batch(keras.ops.array(images), "targets", **drawn)
    together = keras.ops.convert_to_numpy(together)
    assert targets == "targets"
    assert (together != images).any(axis=(1, 2, 3)).sum() >= 6  # the identity three times is rare
    drawn = {name: value[::-1].copy() for name, value in drawn.items()}
    backwards, _ = trick.batch(keras.ops.array(images[::-1].copy()), None, **drawn)
    assert np.array_equal(keras.ops.convert_to_numpy(backwards)[::-1], together)


def test_every_operation_is_as_likely_and_so_is_each_sign(plan):
    """20,000 of fourteen: 1,429 each, deviation 36. Half of the signed ones are negative, deviation 19."""
    drawn = kt.RandAugment().draw(np.random.default_rng(0), 10_000, 0, plan)
    operation, amount = drawn["operation"].ravel(), drawn["amount"].ravel()
    counts = np.bincount(operation)
    assert len(counts) == 14
    assert np.abs(counts - 1_429).max() < 5 * 36
    for index, signed in enumerate(operations.SIGNED):
        negative = (amount[operation == index] < 0).sum()
        assert (abs(negative - counts[index] / 2) < 5 * 19) if signed else negative == 0


@pytest.mark.parametrize(("magnitude", "degrees", "bits"), [(0, 0, 8), (9, 9, 7), (30, 30, 4)])
def test_the_magnitude_is_the_same_for_all(plan, magnitude, degrees, bits):
    drawn = kt.RandAugment(magnitude=magnitude).draw(np.random.default_rng(0), 1_000, 0, plan)
    for name, expected in (("Rotate", degrees), ("Posterize", bits)):
        amount = drawn["amount"][drawn["operation"] == operations.NAMES.index(name)]
        assert np.abs(amount) == pytest.approx(np.full(len(amount), expected), abs=1e-5)


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_refuses_what_is_no_number_of_operations(count):
    with pytest.raises(ValueError, match="`operations` must be an integer of at least 1. Received"):
        kt.RandAugment(operations=count)


@pytest.mark.parametrize("magnitude", [-1, 31, 9.0])
def test_refuses_what_is_no_magnitude(magnitude):
    with pytest.raises(ValueError, match="`magnitude` must be an integer from 0 to 30. Received"):
        kt.RandAugment(magnitude=magnitude)


def test_refuses_four_channels(setup):
    kt.RandAugment().check(setup(images=np.zeros((1, 8, 8, 1), "uint8")))
    with pytest.raises(ValueError, match="RandAugment needs images with 1 or 3 channels"):
        kt.RandAugment().check(setup(images=np.zeros((1, 8, 8, 4), "uint8")))
