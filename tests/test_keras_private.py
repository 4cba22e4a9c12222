"""Each name that Keras does not promise is taken away in turn: the run is the same, and a line says what it costs."""

import subprocess
import sys
import types

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks import keras_private
from kerastricks.keras_private import mirrored
from kerastricks.models.drop_path import dropping
from kerastricks.models.graph import residuals
from kerastricks.models.heads import gives_logits
from kerastricks.models.precision import set_precision
from kerastricks.training import jax_values

ON_TORCH = keras.backend.backend() == "torch"
EVERYWHERE = {"_nodes_by_depth", "_keras_history", "_use_weight_decay", "_get_variable_index"}
WHEN_SAVED, WHERE_A_STEP_FAILS = {"global_seed_generator", "get_global_attribute"}, {"_jax_state_synced", "_value"}
AFTER_A_RUN = {"_tracker"}
ON_SEVERAL_DEVICES = {"_use_merge_call", "DataAdapter"}
WHEN_IMPORTED = "_parallel_update_step"  # the class of the optimizer is chosen then
OF_MUON = "_should_use_adamw"


def train(model, images):
    """What the graph of a model shows, and what a run with decay, rates and bfloat16 makes of it."""
    set_precision(model, "mixed_bfloat16")
    tricks = (kt.ZeroGamma(), kt.NoBiasDecay(), kt.LayerDecay(0.5))
    recipe = kt.Recipe(tricks, learning_rate=0.01, weight_decay=0.1)
    history = recipe.fit(model, images, epochs=2, batch_size=8, verbose=0)
    graph = [residual.norm.name for residual in residuals(model)], gives_logits(model)
    decays = kt.decay_report(history.model, print_fn=lambda line: None)
    return graph, decays, history.history["loss"], model.get_weights()


@pytest.fixture
def without(monkeypatch):
    def take_away(name):
        keras_private.names._say.cache_clear()
        monkeypatch.setattr(keras_private.names, "gone", {name})

    yield take_away
    keras_private.names._say.cache_clear()


ELSEWHERE = {WHEN_IMPORTED, OF_MUON} | AFTER_A_RUN | WHEN_SAVED | WHERE_A_STEP_FAILS | ON_SEVERAL_DEVICES


@pytest.mark.parametrize("name", sorted(set(keras_private.NAMES) - ELSEWHERE))
def test_the_run_goes_on_without(name, without, model, images):
    if name not in EVERYWHERE and not ON_TORCH:
        pytest.skip("it is used on PyTorch alone")
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    names, report, loss, trained = train(copy, images)
    without(name)
    with pytest.warns(UserWarning, match=f"has no {name}: {keras_private.NAMES[name][1]}"):
        found = train(model, images)
    assert found[0][1:] == names[1:]
    assert len(found[0][0]) == len(names[0]) == 2
    assert list(found[1].values()) == list(report.values())
    assert found[2] == pytest.approx(loss, rel=1e-3)
    for one, other in zip(found[3], trained, strict=True):
        assert one == pytest.approx(other, abs=1e-3)


@pytest.mark.skipif(not ON_TORCH, reason="only PyTorch has a class of its own")
def test_variables_are_updated_one_by_one_without_the_faster_class():
    """One step on a loss without gradient: the weight 1 loses 0.1 × 0.5 of itself."""
    program = f"""
import warnings
from kerastricks import keras_private
keras_private.gone.add({WHEN_IMPORTED!r})
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import keras, numpy as np
    import kerastricks as kt
    optimizer = kt.SGD(0.1, weight_decay=0.5)
weight = keras.Variable(np.ones(2, "float32"))
optimizer.apply([keras.ops.zeros(2)], [weight])
print(any({WHEN_IMPORTED!r} in str(one.message) for one in said), keras.ops.convert_to_numpy(weight).tolist())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split(" ", 1)[0] == "True"
    assert np.array(eval(done.stdout.split(" ", 1)[1])) == pytest.approx(0.95)


@pytest.mark.parametrize("name", sorted(ON_SEVERAL_DEVICES))
def test_several_devices_are_refused_without(name, without):
    strategy = types.SimpleNamespace(extended=types.SimpleNamespace(_use_merge_call=lambda: True))
    without(name)
    with (
        pytest.warns(UserWarning, match=f"has no {name}: no several devices on TensorFlow"),
        pytest.raises(ValueError, match="Leave `devices` out"),
    ):
        mirrored.adapter(lambda: iter(()), 1) if name == "DataAdapter" else mirrored.outside_of_replicas(strategy)


def test_muon_says_that_keras_chooses_without(without):
    without(OF_MUON)
    with pytest.warns(UserWarning, match=f"has no {OF_MUON}: Muon trains what Keras' own does"):
        kt.Muon().build([keras.Variable(np.ones((2, 2), "float32"))])


def test_a_name_that_keras_lacks_is_gone():
    with pytest.raises(keras_private.Gone, match="_no_such_name"):
        keras_private.attribute(keras.layers.Dense(1), "_no_such_name")


@pytest.mark.parametrize("name", sorted(WHEN_SAVED))
def test_a_run_is_saved_and_goes_on_without(name, without, model, images, tmp_path):
    draws = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: keras.random.uniform((1,)))
    recipe = kt.Recipe(learning_rate=0.01, epochs=2, batch_size=8)
    without(name)
    with pytest.warns(UserWarning, match=f"has no {name}: a resumed run draws other numbers for those"):
        recipe.fit(model, images, verbose=0, checkpoint=tmp_path, callbacks=[draws])
    before = model.get_weights()
    recipe.fit(model, images, verbose=0, checkpoint=tmp_path)
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))


def test_a_run_with_dropped_paths_ends_without(without, model, images):
    """The model then keeps the state of the draws, and drops nothing all the same."""
    without("_tracker")
    recipe = kt.Recipe((kt.StochasticDepth(),), learning_rate=0.01)
    with pytest.warns(UserWarning, match="has no _tracker: a network that had one is taken for another"):
        recipe.fit(model, images, epochs=1, batch_size=8, verbose=0)
    assert len(model.variables) == len(model.weights) + 1
    assert dropping(model) is None


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX alone takes values out of variables")
@pytest.mark.parametrize("name", sorted(WHERE_A_STEP_FAILS))
def test_a_step_fails_with_its_own_error_without(name, without, model):
    def step(state, iterator):
        raise RuntimeError("this step fails")

    without(name)
    said = pytest.warns(UserWarning, match=f"has no {name}: a step that fails may leave a model without")
    with said, pytest.raises(RuntimeError, match="this step fails"), jax_values.kept(model):
        jax_values.holding(model, step, jax_values.kinds(True, True))(((), (), (), ()), None)
