import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.image.geometry import centre_crop
from kerastricks.tricks.random_resized_crop import crop_box

ASPECTS = (3 / 4, 4 / 3)


def box(area, aspect, row=0.0, column=0.0, height=12, width=12):
    one = [np.array([value], "float32") for value in (area, aspect)]
    place = [np.array([value], "float32") for value in (row, column)]
    found = crop_box(*one, *place, height, width, ASPECTS)
    return [int(keras.ops.convert_to_numpy(side)[0]) for side in found]


@pytest.mark.parametrize(
    ("area", "aspect", "row", "column", "expected"),
    [
        ([1.0], [1.0], 0.5, 0.5, [0, 0, 12, 12]),
        ([0.25], [1.0], 0.0, 0.0, [0, 0, 6, 6]),
        ([0.25], [1.0], 0.5, 0.999, [3, 6, 6, 6]),  # seven places, 0 to 6
        ([1 / 12], [4 / 3], 0.0, 0.0, [0, 0, 3, 4]),
        ([1 / 12], [3 / 4], 0.0, 0.0, [0, 0, 4, 3]),
        ([1.0, 0.25], [4 / 3, 1.0], 0.0, 0.0, [0, 0, 6, 6]),  # the first is 14 wide
        ([1.0], [4 / 3], 0.9, 0.9, [0, 0, 12, 12]),  # none fits: the middle
    ],
)
def test_takes_the_box_it_is_told(area, aspect, row, column, expected):
    """On 12×12 pixels: 144 of area."""
    assert box(area, aspect, row, column) == expected


def test_the_fallback_is_the_middle_at_an_aspect_in_the_range():
    assert box([1.0], [1.0], height=12, width=30) == [0, 7, 12, 16]  # 4/3 of 12 wide
    assert box([1.0], [1.0], height=30, width=12) == [7, 0, 16, 12]  # 12 over 3/4 tall


def test_the_trick_cuts_the_box():
    """A quarter of 4×4, at the lower left."""
    images = keras.ops.reshape(keras.ops.arange(16, dtype="float32"), (1, 4, 4, 1))
    draws = [np.array(numbers, "float32") for numbers in ([[0.25]], [[1.0]], [0.999], [0.0])]
    cut, _ = kt.RandomResizedCrop(2).batch(images, None, *draws)
    assert keras.ops.convert_to_numpy(cut)[0, :, :, 0].tolist() == [[8, 9], [12, 13]]


def test_the_whole_image_at_its_size_is_unchanged():
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 3)).astype("float32")
    whole = np.ones((2, 10), "float32")
    half = np.full(2, 0.5, "float32")
    obtained, targets = kt.RandomResizedCrop(6).batch(keras.ops.array(images), "targets", whole, whole, half, half)
    assert np.array_equal(keras.ops.convert_to_numpy(obtained), images)
    assert targets == "targets"


def test_boxes_of_drawn_numbers_lie_inside_and_have_the_mean_of_their_definition(plan):
    """10,000 boxes of 64×64, against torchvision's loop drawn by NumPy; the mean area and its deviation of 0.002."""
    drawn = kt.RandomResizedCrop(8).draw(np.random.default_rng(0), 10_000, 0, plan)
    top, left, tall, wide = (
        keras.ops.convert_to_numpy(side) for side in crop_box(**drawn, height=64, width=64, aspects=ASPECTS)
    )
    assert min(top.min(), left.min()) == 0
    assert (top + tall).max() == (left + wide).max() == 64
    random = np.random.default_rng(1)
    expected = []
    for _ in range(10_000):
        for _ in range(10):
            area, aspect = random.uniform(0.08, 1), np.exp(random.uniform(*np.log(ASPECTS)))
            w, h = round(np.sqrt(64**2 * area * aspect)), round(np.sqrt(64**2 * area / aspect))
            if 0 < w <= 64 and 0 < h <= 64:
                expected.append((h, w))
                break
        else:
            expected.append((64, 64))
    h, w = np.array(expected).T
    assert (tall * wide).mean() / 64**2 == pytest.approx((h * w).mean() / 64**2, abs=5 * 0.002 * np.sqrt(2))
    assert np.log(wide / tall).mean() == pytest.approx(0, abs=0.01)
    assert np.log(wide / tall).std() == pytest.approx(np.log(w / h).std(), abs=0.01)
    assert (top / np.maximum(64 - tall, 1)).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("size", [(5, 7), 6])
def test_brings_images_to_the_size(size, plan):
    trick = kt.RandomResizedCrop(size)
    drawn = trick.draw(np.random.default_rng(0), 4, 0, plan)
    images = keras.ops.ones((4, 9, 11, 3)) * 200.0
    obtained = keras.ops.convert_to_numpy(trick.batch(images, None, **drawn)[0])
    assert obtained.shape == (4, *((size, size) if isinstance(size, int) else size), 3)
    assert obtained == pytest.approx(200, abs=1e-3)


def test_evaluates_on_the_centre():
    images = keras.ops.reshape(keras.ops.arange(25, dtype="float32"), (1, 5, 5, 1))
    middle = keras.ops.convert_to_numpy(kt.RandomResizedCrop((3, 1)).evaluation(images))
    assert middle[0, :, :, 0].tolist() == [[7], [12], [17]]
    assert keras.ops.convert_to_numpy(centre_crop(images, (5, 5))).shape == (1, 5, 5, 1)


@pytest.mark.parametrize("shape", [(1, 7, 8, 3), (1, 8, 7, 3)])
def test_refuses_to_evaluate_on_smaller_images(shape):
    with pytest.raises(ValueError, match="images must be at least as large. Received: .* `--image-size 9`"):
        kt.RandomResizedCrop(8).evaluation(keras.ops.ones(shape))


@pytest.mark.parametrize("size", [0, -1, 1.5, (8, 0), (8,), (8, 8, 3), "8"])
def test_refuses_what_is_no_size(size):
    with pytest.raises(ValueError, match="`size` must be an integer of at least 1 pixel, or two. Received"):
        kt.RandomResizedCrop(size)


def test_refuses_ranges_upside_down():
    with pytest.raises(ValueError, match="`area` must be a pair"):
        kt.RandomResizedCrop(8, area=(0.5, 0.1))
    with pytest.raises(ValueError, match="`aspect` must be a pair"):
        kt.RandomResizedCrop(8, aspect=(4 / 3, 3 / 4))
