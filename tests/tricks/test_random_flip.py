import keras
import numpy as np
import pytest

import kerastricks as kt

IMAGES = np.arange(12, dtype="float32").reshape(2, 2, 3, 1)


def test_mirrors_the_columns_of_the_images_that_are_chosen():
    images, targets = kt.RandomFlip().batch(keras.ops.array(IMAGES), "targets", np.array([1.0, 0.0], "float32"))
    flipped = keras.ops.convert_to_numpy(images)[..., 0].tolist()
    assert flipped == [[[2, 1, 0], [5, 4, 3]], [[6, 7, 8], [9, 10, 11]]]
    assert targets == "targets"


@pytest.mark.parametrize("probability", [0.2, 0.5, 1.0])
def test_mirrors_that_share_of_the_images(plan, probability):
    drawn = kt.RandomFlip(probability).draw(np.random.default_rng(0), 10_000, 0, plan)["flip"]
    assert set(drawn.tolist()) <= {0.0, 1.0}
    assert drawn.mean() == pytest.approx(probability, abs=0.015)


@pytest.mark.parametrize("probability", [0, -0.5, 1.1, float("nan")])
def test_refuses_what_is_no_probability(probability):
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\]. Received"):
        kt.RandomFlip(probability)
