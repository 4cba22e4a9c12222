import keras
import numpy as np
import pytest

import kerastricks as kt


def erased(area, aspect=(1.0,), row=0.0, column=0.0, erase=1.0, value=0.0, side=4):
    """An image of ones with a box erased, as rows of digits."""
    images = keras.ops.ones((1, side, side, 1))
    draws = [np.array([numbers], "float32") for numbers in (erase, area, aspect, row, column)]
    done = keras.ops.convert_to_numpy(kt.random_erasing(images, *draws, value))
    return ["".join(str(int(digit)) for digit in line) for line in done[0, :, :, 0]]


def test_erases_the_box_it_is_told():
    """A quarter of 16 pixels is 2×2, at one of three places each way."""
    assert erased([0.25]) == ["0011", "0011", "1111", "1111"]
    assert erased([0.25], row=0.5, column=0.99) == ["1111", "1100", "1100", "1111"]


def test_the_aspect_is_height_over_width():
    assert erased([3 / 16], [3.0]) == ["0111", "0111", "0111", "1111"]


def test_fills_with_the_value():
    assert erased([0.25], value=7.0) == ["7711", "7711", "1111", "1111"]


def test_takes_the_first_try_that_is_smaller_than_the_image():
    assert erased([1.0, 0.25], [1.0, 1.0]) == ["0011", "0011", "1111", "1111"]


def test_leaves_the_image_where_no_try_is():
    assert erased([1.0, 0.5], [1.0, 10.0]) == ["1111"] * 4


def test_leaves_the_images_that_are_not_chosen():
    assert erased([0.25], erase=0.0) == ["1111"] * 4


@pytest.mark.parametrize("probability", [0.25, 1.0])
def test_erases_that_share_of_the_images(plan, probability):
    """Of 10,000 images of 32×32; boxes take 17.7 % of the area on average: (0.02 + 1/3) / 2."""
    trick = kt.RandomErasing(probability)
    drawn = trick.draw(np.random.default_rng(0), 10_000, 0, plan)
    assert drawn["erase"].mean() == pytest.approx(probability, abs=0.02)
    done, targets = trick.batch(keras.ops.ones((10_000, 32, 32, 1)), "targets", **drawn)
    share = 1 - keras.ops.convert_to_numpy(done).mean(axis=(1, 2, 3))
    assert targets == "targets"
    assert (share > 0).mean() == pytest.approx(probability, abs=0.02)
    boxes = share[share > 0]
    assert boxes.min() == pytest.approx(0.02, abs=0.005)
    assert boxes.max() == pytest.approx(1 / 3, abs=0.02)
    assert boxes.mean() == pytest.approx(0.177, abs=0.006)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"probability": 0}, r"`probability` must lie in \(0, 1\]. Received"),
        ({"probability": 1.1}, r"`probability` must lie in \(0, 1\]. Received"),
        ({"area": (0.3, 0.1)}, "`area` must be a pair"),
        ({"aspect": (3, 1)}, "`aspect` must be a pair"),
        ({"value": float("nan")}, "`value` must be a finite number. Received"),
        ({"value": "random"}, "`value` must be a finite number. Received"),
    ],
)
def test_refuses_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        kt.RandomErasing(**settings)
