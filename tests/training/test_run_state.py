import random

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training import run_state
from kerastricks.training.checkpoint_file import Saved
from kerastricks.training.run_state import Position


def engine_of(model, plan):
    return kt.Recipe((kt.EMA(0.9),), learning_rate=0.1).compile(model, plan)


def test_positions_are_in_the_order_of_the_run():
    assert Position(0, 3) < Position(1, 0) < Position(1, 2)


def test_variables_come_back(model, plan):
    engine = engine_of(model, plan)
    saved = run_state.take(engine, [])
    before = [np.array(weight) for weight in model.get_weights()]
    for variable in (*engine.variables, *engine.optimizer.variables):
        variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
    run_state.put_variables(engine, saved, "It")
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    assert all(np.array_equal(*pair) for pair in zip(before, map(np.asarray, averages(engine)), strict=True))


def averages(engine):
    return [keras.ops.convert_to_numpy(average) for average in engine.averages.averages]


def test_nothing_is_put_into_a_network_of_another_shape(model, plan, images):
    saved = run_state.take(engine_of(model, plan), [])
    other = engine_of(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]), plan)
    before = other.network.get_weights()
    with pytest.raises(ValueError, match=r"It belongs to another run: it holds \(3, 3, 3, 4\) as network/00000/"):
        run_state.put_variables(other, saved, "It")
    assert all(np.array_equal(*pair) for pair in zip(before, other.network.get_weights(), strict=True))


@pytest.mark.parametrize("lacking", [True, False])
def test_no_variable_may_lack_on_either_side(model, plan, lacking):
    engine = engine_of(model, plan)
    saved = run_state.take(engine, [])
    if lacking:
        del saved.arrays["optimizer/00000/iteration"]
    else:
        saved.arrays["network/99999/kernel"] = np.zeros(2, "float32")
    with pytest.raises(ValueError, match=r"holds nothing as optimizer/00000" if lacking else r"this run has nothing"):
        run_state.put_variables(engine, saved, "It")


def test_generators_of_the_process_come_back(model, plan):
    engine = engine_of(model, plan)
    keras.utils.set_random_seed(3)
    keras.random.uniform((1,))  # makes the seed of draws without one
    saved = run_state.take(engine, [])
    draws = [
        lambda: random.random(),
        lambda: random.gauss(0, 1),
        lambda: np.random.normal(),
        lambda: float(keras.random.uniform((1,))[0]),
    ]
    first = [draw() for draw in draws]
    assert [draw() for draw in draws] != first
    run_state.put_variables(engine, saved, "It")
    assert [draw() for draw in draws] == first


class Known(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.wait, self.name, self.nothing = 2, "plain", None
        self.best = np.float32(0.5)
        self.weights = [np.arange(3.0), {"a": np.ones(2, "int8"), "b": [1, "x"]}]
        self.object, self._moment = object(), 7


def test_callbacks_get_their_public_attributes_back_but_no_objects(model, plan):
    one = Known()
    saved = run_state.take(engine_of(model, plan), [one])
    other = Known()
    kept = other.object
    other.wait, other.name, other.nothing, other.best, other.weights, other._moment = 0, "", 1, 0, None, 8
    run_state.put_callbacks([keras.callbacks.History(), other], saved)
    assert (other.wait, other.name, other.nothing, other._moment) == (2, "plain", None, 8)
    assert type(other.best) is np.float32 and other.best == 0.5
    assert other.weights[0].tolist() == [0.0, 1.0, 2.0]
    assert other.weights[1]["a"].dtype == "int8" and other.weights[1]["b"] == [1, "x"]
    assert other.object is kept and "callback/0/object" not in saved.arrays


def test_back_at_the_beginning_callbacks_know_what_they_knew_then(model, plan):
    """A state leaves out what has not changed; a rollback, which made it, is what changed it since."""
    one = Known()
    run_state.remember([one])
    saved = run_state.take(engine_of(model, plan), [one])
    one.wait, one.nothing = 5, one.object
    run_state.put_callbacks([one], saved)
    assert one.wait == 5
    run_state.put_callbacks([one], saved, begin=True)
    assert (one.wait, one.nothing) == (2, one.object)  # an object, such as an open file, stays


def test_two_callbacks_of_a_class_keep_their_order(model, plan):
    first, second = Known(), Known()
    first.wait, second.wait = 1, 2
    saved = run_state.take(engine_of(model, plan), [first, second])
    others = [Known(), Known()]
    run_state.put_callbacks(others, saved)
    assert [one.wait for one in others] == [1, 2]


@pytest.mark.parametrize(("value", "expected"), [(1.0, True), (np.nan, False), (np.inf, False)])
def test_weights_that_are_no_numbers_are_seen(value, expected):
    arrays = {"network/0/kernel": np.array([0.0, value]), "optimizer/0/momentum": np.array([np.nan])}
    assert run_state.is_finite(Saved({}, arrays)) is expected


def test_a_state_is_a_copy(model, plan):
    engine = engine_of(model, plan)
    saved = run_state.take(engine, [])
    key = next(key for key in saved.arrays if key.endswith("/kernel"))
    before = saved.arrays[key].copy()
    for weight in model.weights:
        weight.assign(weight + 1)
    assert np.array_equal(saved.arrays[key], before)
