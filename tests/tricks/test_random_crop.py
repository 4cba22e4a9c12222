import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerastricks as kt

NUMBERS = np.arange(1, 7, dtype="float32").reshape(1, 2, 3, 1)


def cropped(top, left, padding=1):
    images = kt.random_crop(keras.ops.array(NUMBERS), np.array([top], "int32"), np.array([left], "int32"), padding)
    return keras.ops.convert_to_numpy(images)[0, :, :, 0].tolist()


def test_cuts_where_it_is_told():
    assert cropped(1, 1) == [[1, 2, 3], [4, 5, 6]]
    assert cropped(0, 0) == [[0, 0, 0], [0, 1, 2]]
    assert cropped(2, 0) == [[0, 4, 5], [0, 0, 0]]
    assert cropped(1, 2) == [[2, 3, 0], [5, 6, 0]]


@given(st.integers(1, 3), st.data())
def test_equals_padding_and_slicing(padding, data):
    place = st.lists(st.integers(0, 2 * padding), min_size=3, max_size=3)
    top, left = (np.array(data.draw(place), "int32") for _ in range(2))
    images = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype("float32")
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    expected = np.stack([p[t : t + 4, x : x + 5] for p, t, x in zip(padded, top, left, strict=True)])
    obtained, targets = kt.RandomCrop(padding).batch(keras.ops.array(images), "targets", top, left)
    assert np.array_equal(keras.ops.convert_to_numpy(obtained), expected)
    assert targets == "targets"


def test_every_place_is_as_likely(plan):
    """Nine rows and columns of 10,000 draws: 1,111 each, deviation 31."""
    drawn = kt.RandomCrop(4).draw(np.random.default_rng(0), 10_000, 0, plan)
    for place in drawn.values():
        counts = np.bincount(place)
        assert len(counts) == 9
        assert np.abs(counts - 1_111).max() < 5 * 31


@pytest.mark.parametrize("padding", [0, -1, 1.5])
def test_refuses_what_is_no_padding(padding):
    with pytest.raises(ValueError, match="an integer of at least 1 pixel. Received"):
        kt.RandomCrop(padding)
