import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.checks import check_channels, check_setup


class Claims(kt.Trick):
    """Sets what it is told to set."""

    def __init__(self, name, *claims):
        self._name, self._claims = name, claims

    @property
    def name(self):
        return self._name

    @property
    def claims(self):
        return self._claims


def test_two_tricks_that_set_one_thing_exclude_each_other(setup):
    check_setup(setup(tricks=(Claims("One", "height", "width"), Claims("Two", "depth"), Claims("Three"))))
    tricks = (Claims("One", "height", "width"), Claims("Two", "depth"), Claims("Three", "width"))
    with pytest.raises(ValueError, match="^One and Three both set the width. Keep one of them in the recipe.$"):
        check_setup(setup(tricks=tricks))


def test_whoever_averages_the_weights_claims_them(setup):
    class Other(kt.Trick):
        def averages(self, model, plan):
            return None

    with pytest.raises(ValueError, match="^EMA and Other both set the averaged weights. Keep one of them"):
        check_setup(setup(tricks=(kt.EMA(), Other())))


def test_every_trick_is_checked(setup):
    with pytest.raises(ValueError, match="CutMix would have no effect"):
        check_setup(setup(tricks=(kt.MixUp(), kt.CutMix(off_epochs=10))))


@pytest.mark.parametrize(("shape", "channels"), [((8, 8, 1), 1), ((8, 8, 3), 3), (None, None)])
def test_channels_are_checked_where_they_are_known(setup, shape, channels):
    assert (
        check_channels(setup(images=None if shape is None else np.zeros((1, *shape), "uint8")), "Test", 1, 3)
        == channels
    )


def test_refuses_other_channels(setup):
    message = r"Test needs images with 1 or 3 channels, .* Received: images of shape \(8, 8, 2\)"
    with pytest.raises(ValueError, match=message):
        check_channels(setup(images=np.zeros((1, 8, 8, 2), "uint8")), "Test", 1, 3)
