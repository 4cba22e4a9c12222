import keras
import numpy as np

from kerastricks.training.callbacks import Clock


def test_times_every_epoch_and_leaves_validation_out(monkeypatch):
    """The clock of the machine, by hand: an epoch begins at 1, validation at 3, the epoch ends at 10."""
    times = iter([1.0, 3.0])
    monkeypatch.setattr("kerastricks.training.callbacks.clock.time.perf_counter", lambda: next(times))
    clock = Clock()
    clock.on_epoch_begin(0)
    clock.on_test_begin()
    clock.on_epoch_end(0)  # the clock stands still: it is not asked again
    assert clock.epoch_seconds == [2.0]


def test_times_training_by_keras():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    clock = Clock()
    model.fit(np.zeros((4, 1)), np.zeros((4, 1)), epochs=2, callbacks=[clock], verbose=0)
    assert len(clock.epoch_seconds) == 2
    assert min(clock.epoch_seconds) > 0
