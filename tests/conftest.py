import dataclasses
import functools
import signal
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import settings
from keras import layers

import kerastricks as kt
from kerastricks.optimizers.schedules import LearningRate
from kerastricks.training.trick import Setup

settings.register_profile("patient", deadline=None)  # what a first call compiles takes longer than the rest
settings.load_profile("patient")


def pytest_addoption(parser):
    parser.addoption("--all-backends", action="store_true", help="run what needs no particular backend on this one")


def pytest_collection_modifyitems(config, items):
    """Runs what needs no particular backend on one of them: on TensorFlow, which `make test` installs."""
    if keras.backend.backend() == "tensorflow" or config.getoption("--all-backends"):
        return

    def needs_none(item):
        room = item.path.relative_to(Path(__file__).parent).parts[0]
        return room in ("data", "report") or item.get_closest_marker("any_backend")

    config.hook.pytest_deselected(items=[item for item in items if needs_none(item)])
    items[:] = [item for item in items if not needs_none(item)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Begins each test, and the fixtures that are made for it, with the same random numbers."""
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def ctrl_c():
    """Lets Ctrl-C be noticed where the tests themselves run in the background, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Keeps the user's own cache out of the tests."""
    monkeypatch.setenv("KERASTRICKS_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def plan():
    """Ten epochs of four steps."""
    return kt.Plan(epochs=10, steps_per_epoch=4, batch_size=8, seed=0)


@pytest.fixture
def rate(plan):
    """Returns a function: the learning rate of a run with some tricks, a number or a schedule over batches."""

    def joined(*tricks, learning_rate=0.8, plan=plan):
        for trick in tricks:
            plan = trick.plan(plan)
        phases = LearningRate(learning_rate)
        for trick in tricks:
            phases = trick.learning_rate(phases, plan)
        return phases.join(plan.total_steps, plan.accumulation)

    return joined


@pytest.fixture
def images():
    """Twenty-six 8×8 colour images and their labels, three classes: three full batches of eight and one of two."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (26, 8, 8, 3), "uint8"), (np.arange(26) % 3).astype("int32")


def build_residual(classes=3):
    """A residual block with a projection and one without, on 8×8 colour images; logits out."""
    x = inputs = keras.Input((8, 8, 3))
    for _ in range(2):
        shortcut = x
        if x.shape[-1] != 4:
            shortcut = layers.Conv2D(4, 1, use_bias=False)(x)
            shortcut = layers.BatchNormalization()(shortcut)
        y = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.Conv2D(4, 3, padding="same", use_bias=False)(y)
        x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(y), shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes)(x))


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    return build_residual()


@pytest.fixture
def setup(model, plan):
    """Returns a function: what `Trick.check` is given for a run of `model`, with what its arguments say otherwise."""
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    usual = Setup(model, plan, LearningRate(0.8), loss, kt.SGD(0.8, weight_decay=1e-4), ())
    usual = dataclasses.replace(usual, images=np.zeros((1, 8, 8, 3), "uint8"))
    return functools.partial(dataclasses.replace, usual)
