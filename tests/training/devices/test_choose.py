"""Which devices a run gets, and what is refused."""

import sys
import types

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.devices import choose
from kerastricks.training.devices.one import Devices

PLAN = kt.Plan(1, 4, 8)


@pytest.mark.parametrize("devices", [None, 1])
def test_one_device_is_left_alone(devices):
    assert type(choose(devices, PLAN)) is Devices


@pytest.mark.parametrize("devices", [0, -1, 1.5, True, "two"])
def test_no_number_of_devices(devices):
    with pytest.raises(ValueError, match="must be a number of at least 1, or 'all'"):
        choose(devices, PLAN)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="says that it cannot")
def test_more_than_there_are():
    with pytest.raises(ValueError, match="more than there are: 1 for"):
        choose(2, PLAN)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="about PyTorch")
@pytest.mark.parametrize("devices", [2, "all"])
def test_torch_names_the_keras_that_can(devices):
    with pytest.raises(ValueError, match=r"comes with Keras 3\.16"):
        choose(devices, PLAN)


@pytest.mark.parametrize(("batch_size", "fits"), [(3, False), (4, True)])
def test_a_batch_holds_an_image_a_device(monkeypatch, batch_size, fits):
    """Four devices."""
    room = types.SimpleNamespace(
        available=lambda: 4, processes=lambda: 1, of=lambda count, synchronized: (count, synchronized), VIRTUAL=""
    )
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setitem(sys.modules, "kerastricks.training.devices.mesh", room)
    if fits:
        assert choose("all", kt.Plan(1, 4, batch_size), synchronized=False) == (4, False)
    else:
        with pytest.raises(ValueError, match="batch_size=3 and 4 devices"):
            choose("all", kt.Plan(1, 4, batch_size))


def test_one_device_takes_all_rows():
    one = Devices()
    assert one.own(5) == slice(0, 5)
    images, labels = one.share((np.ones((2, 1, 1, 1)), np.array([3, 4])))
    assert images.shape == (2, 1, 1, 1) and labels.tolist() == [3, 4]
