import keras
import numpy as np
import pytest

from kerastricks.training import jax_values
from kerastricks.training.engine import Engine

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX alone takes values out of variables")


@pytest.fixture
def engine(model):
    engine = Engine(model, (), 3)
    engine.compile("sgd", "categorical_crossentropy")
    return engine


def broken(kind):
    def step(*arguments):
        raise kind

    return step


@pytest.mark.parametrize("kind", [RuntimeError("no memory"), KeyboardInterrupt()])
@pytest.mark.parametrize("phase", ["fit", "evaluate", "predict"])
def test_a_step_that_fails_leaves_the_values(engine, images, kind, phase, monkeypatch):
    pixels, labels = images
    before = [np.array(weight) for weight in engine.network.get_weights()]
    name = {"fit": "train_step", "evaluate": "test_step", "predict": "predict_step"}[phase]
    monkeypatch.setattr(engine, name, broken(kind))
    data = (pixels,) if phase == "predict" else (pixels, labels)
    with pytest.raises(type(kind)), jax_values.kept(engine):
        getattr(engine, phase)(*data, verbose=0)
    assert all(np.array_equal(*pair) for pair in zip(before, engine.network.get_weights(), strict=True))
    assert engine.network.predict(pixels.astype("float32"), verbose=0).shape == (26, 3)


def test_values_that_are_lost_are_those_of_the_beginning(engine):
    before = [np.array(weight) for weight in engine.network.get_weights()]
    with pytest.raises(RuntimeError), jax_values.kept(engine):
        for variable in engine.variables:
            variable._value = None
        raise RuntimeError
    assert all(np.array_equal(*pair) for pair in zip(before, engine.network.get_weights(), strict=True))


def test_values_that_are_there_stay(engine):
    with pytest.raises(RuntimeError), jax_values.kept(engine):
        engine.network.weights[0].assign(keras.ops.ones(engine.network.weights[0].shape))
        raise RuntimeError
    assert np.all(engine.network.get_weights()[0] == 1)
