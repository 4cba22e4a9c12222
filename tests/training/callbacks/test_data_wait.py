import time

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.callbacks import DataWait, data_wait


def test_a_step_waits_from_the_end_of_the_one_before_until_its_batch_is_ready(monkeypatch):
    """Steps end at 1, 3 and 7 s; their batches were ready at 0, 2 and 2.5 s: one second of six was spent waiting."""
    monkeypatch.setattr(data_wait, "_ahead", lambda: 0)
    ready = {3: 0.0, 4: 2.0, 5: 2.5, 6: 6.0}
    callback = DataWait(ready, steps_per_epoch=3)
    callback.on_epoch_begin(1)
    for batch, now in enumerate((1.0, 3.0, 7.0)):
        monkeypatch.setattr(data_wait.time, "perf_counter", lambda now=now: now)
        callback.on_train_batch_end(batch)
    logs = {}
    callback.on_epoch_end(1, logs)
    assert logs["data_wait"] == pytest.approx(1 / 6)
    assert ready == {6: 6.0}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 1.0], ids=["fast images", "slow images"])
def test_a_run_says_whether_it_waits(model, seconds):
    """Two threads make a batch in a second each; the model takes a small part of that for a step."""

    class Images:
        shape = (64, 8, 8, 3)

        def __getitem__(self, indices):
            time.sleep(seconds)
            return np.zeros((len(indices), *self.shape[1:]), "uint8")

    data = Images(), np.arange(64) % 3
    steady = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: time.sleep(0.05))
    history = kt.Recipe(learning_rate=0.01).fit(model, data, epochs=1, batch_size=6, verbose=0, callbacks=[steady])
    assert (history.history["data_wait"][0] > 0.1) == bool(seconds)


def test_where_keras_fetches_a_batch_ahead_a_step_waits_for_the_next(monkeypatch):
    """Steps end at 1, 3 and 7 s; the third batch was ready at 1.5 s, the fourth after all: half a second and four."""
    monkeypatch.setattr(data_wait, "_ahead", lambda: 1)
    callback = DataWait({0: 0.0, 1: 0.0, 2: 1.5, 3: 9.0}, steps_per_epoch=3)
    callback.on_epoch_begin(0)
    for batch, now in enumerate((1.0, 3.0, 7.0)):
        monkeypatch.setattr(data_wait.time, "perf_counter", lambda now=now: now)
        callback.on_train_batch_end(batch)
    logs = {}
    callback.on_epoch_end(0, logs)
    assert logs["data_wait"] == pytest.approx(4.5 / 6)
