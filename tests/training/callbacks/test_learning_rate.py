import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.callbacks.learning_rate import schedule

SCHEDULE = kt.WarmupSchedule(keras.optimizers.schedules.PolynomialDecay(0.8, 8, 0.0), steps=4)
EXPECTED = [0.2, 0.4, 0.6, 0.8, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]


def fit(learning_rate, epochs, model=None, callbacks=(), **compile_settings):
    if model is None:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        optimizer = keras.optimizers.SGD(learning_rate, **compile_settings.pop("optimizer", {}))
        model.compile(optimizer, "mse", **compile_settings)
    recorder = kt.LearningRateRecorder()
    model.fit(np.ones((32, 4)), np.ones((32, 3)), 8, epochs, verbose=0, callbacks=[recorder, *callbacks])
    return model, recorder.learning_rates


def test_records_every_update():
    assert fit(SCHEDULE, 3)[1] == pytest.approx(EXPECTED, abs=1e-6)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras refuses `steps_per_execution` on PyTorch")
def test_records_under_several_steps_an_execution():
    assert fit(SCHEDULE, 3, steps_per_execution=4)[1] == pytest.approx(EXPECTED, abs=1e-6)


def test_goes_on_where_the_optimizer_stands():
    model, first = fit(SCHEDULE, 1)
    _, second = fit(None, 2, model)
    assert first + second == pytest.approx(EXPECTED, abs=1e-6)


def test_records_one_rate_an_update_under_accumulation():
    """Schedules count batches: update i of a warmup over m updates of two batches has i / m of the rate."""
    _, rates = fit(SCHEDULE, 3, optimizer={"gradient_accumulation_steps": 2})
    assert rates == pytest.approx(EXPECTED[1::2], abs=1e-6)


def test_records_a_constant_rate():
    assert fit(0.25, 1)[1] == [0.25] * 4


def test_finds_the_schedule_of_an_optimizer_loss_scaling_or_not():
    optimizer = keras.optimizers.SGD(SCHEDULE)
    for found in (schedule(optimizer), schedule(keras.optimizers.LossScaleOptimizer(optimizer))):
        assert [float(found(step)) for step in range(12)] == pytest.approx(EXPECTED, abs=1e-6)
    assert schedule(keras.optimizers.SGD(0.25)) is None
