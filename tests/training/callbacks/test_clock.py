from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kerastricks.training.callbacks import Clock


@pytest.mark.parametrize(
    ("begun", "executed", "seconds"),
    [
        ([0, 1, 2, 3], 1, [0.5]),
        ([2, 3], 1, [1.0]),  # the run goes on in the middle of the epoch
        ([0, 2], 2, [0.5]),  # two steps in an execution
        ([], 1, []),  # only the validation was left
    ],
)
def test_times_the_steps_of_an_epoch_and_leaves_validation_out(monkeypatch, begun, executed, seconds):
    """The clock of the machine, by hand: an epoch begins at 1, validation at 3, the epoch ends at 10."""
    times = iter([1.0, 3.0])
    monkeypatch.setattr("kerastricks.training.callbacks.clock.time.perf_counter", lambda: next(times))
    clock = Clock()
    clock.set_model(SimpleNamespace(steps_per_execution=executed))
    clock.on_epoch_begin(0)
    for batch in begun:
        clock.on_train_batch_begin(batch)
    clock.on_test_begin()
    clock.on_epoch_end(0)  # the clock stands still: it is not asked again
    assert clock.step_seconds == seconds


def test_times_training_by_keras():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    clock = Clock()
    model.fit(np.zeros((4, 1)), np.zeros((4, 1)), epochs=2, callbacks=[clock], verbose=0)
    assert len(clock.step_seconds) == 2
    assert min(clock.step_seconds) > 0
