import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.optimizers.schedules import UpdateSchedule


def linear():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, kernel_initializer="zeros")(x))


def test_equals_one_batch_of_twice_the_size(images):
    """Warmup, decay, scaling, momentum and weight decay included: 24 images, three updates an epoch, two epochs."""
    images = tuple(part[:24] for part in images)
    tricks = (kt.LinearScaling(4), kt.Warmup(1), kt.CosineDecay(), kt.NoBiasDecay())
    whole, halves = linear(), linear()
    kt.Recipe(tricks).fit(whole, images, epochs=2, batch_size=8, verbose=0)
    kt.Recipe((kt.GradientAccumulation(2), *tricks)).fit(halves, images, epochs=2, batch_size=4, verbose=0)
    for a, b in zip(whole.get_weights(), halves.get_weights(), strict=True):
        assert np.abs(a).max() > 0
        assert a == pytest.approx(b, abs=1e-6)


def test_the_plan_counts_updates():
    """Thirty batches of 32 images are seven updates of 128, and two that make none; two epochs are five."""
    plan = kt.GradientAccumulation(4).plan(kt.Plan(epochs=3, steps_per_epoch=10, batch_size=32))
    assert (plan.batches, plan.total_steps, plan.steps(2)) == (30, 7, 5)
    assert (plan.batch_size, plan.effective_batch_size) == (32, 128)


def test_the_phases_are_counted_in_updates_and_the_schedule_in_batches(rate):
    """Two updates of two batches each climb to 0.8; a decay over the other 18 has 17/18 of it at the next."""
    tricks = (kt.Warmup(steps=2), kt.PolynomialDecay())
    for order in ((kt.GradientAccumulation(2), *tricks), (*tricks, kt.GradientAccumulation(2))):
        rates = [float(rate(*order)(batch)) for batch in range(8)]
        assert rates == pytest.approx([0.4, 0.4, 0.8, 0.8, 0.8, 0.8, 0.8 * 17 / 18, 0.8 * 17 / 18], abs=1e-6)


def test_a_number_stays_one(rate):
    assert rate(kt.GradientAccumulation(2)) == 0.8


@pytest.mark.parametrize(("batch", "expected"), [(0, 0.5), (1, 0.5), (2, 1.0), (3, 1.0)])
def test_the_rate_changes_with_each_update(batch, expected):
    rate = UpdateSchedule(kt.WarmupSchedule(1.0, steps=2), steps=2)
    assert float(rate(batch)) == expected
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rate))
    assert float(again(batch)) == expected


def test_a_plateau_without_decay_is_still_noticed(images):
    with pytest.raises(ValueError, match="Hold would have no effect"):
        kt.Recipe((kt.GradientAccumulation(2), kt.Hold(1))).fit(linear(), images, epochs=2, batch_size=8, verbose=0)


@pytest.mark.parametrize("steps", [1, 0, 2.5])
def test_refuses_less_than_two(steps):
    with pytest.raises(ValueError, match="would have no effect"):
        kt.GradientAccumulation(steps)


@pytest.mark.parametrize("beside", [(), (kt.CosineDecay(),), (kt.Warmup(1),)], ids=["alone", "decay", "warmup"])
def test_refuses_a_run_without_an_update(beside):
    with pytest.raises(ValueError, match="the run has 6 batches. Received: steps=7"):
        kt.Recipe((kt.GradientAccumulation(7), *beside)).compile(linear(), kt.Plan(2, 3, 8))
