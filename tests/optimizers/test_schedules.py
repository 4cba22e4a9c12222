import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.optimizers.schedules import LearningRate, Phase

RATE = 0.8


class Half(Phase):
    """Half the target while it lasts."""

    def rate(self, step):
        return 0.5 * self.target


def values(schedule, steps):
    return [float(schedule(step)) for step in range(steps)]


def test_hands_over_after_its_steps():
    assert values(Half(RATE, 2), 4) == pytest.approx([0.4, 0.4, 0.8, 0.8])


def test_the_next_phase_counts_from_zero():
    decay = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.8, 0.1])
    assert values(Half(decay, 2), 5) == pytest.approx([0.4, 0.4, 0.8, 0.1, 0.1])


def test_an_integer_rate_is_no_zero_rate():
    assert values(Half(1, 1), 2) == pytest.approx([0.5, 1.0])


def test_takes_many_steps_at_once():
    assert keras.ops.convert_to_numpy(Half(RATE, 2)(np.arange(3))).tolist() == pytest.approx([0.4, 0.4, 0.8])


def test_without_a_phase_it_is_its_number():
    assert LearningRate(RATE).join(10) == LearningRate(RATE).join(10, batches=2) == RATE
    assert isinstance(LearningRate(1).join(10), float)


def test_phases_follow_one_another_and_the_last_takes_what_is_left():
    phases = LearningRate(RATE).then("First", 2, Half).then("Second", 3, Half)
    assert not phases.decays
    decayed = phases.decayed("Third", Half)
    assert decayed.decays
    schedule = decayed.join(10)
    assert (schedule.steps, schedule.after.steps, schedule.after.after.steps) == (2, 3, 5)
    assert schedule.after.after.after == RATE
    assert phases.join(10).after.after == RATE  # what was added later is not in it


def test_another_number_reaches_every_phase():
    """0.2 times four; half of it for two steps, half of that for one."""
    phases = LearningRate(0.2).then("First", 2, Half).scaled(4).then("Second", 1, Half)
    assert values(phases.join(10), 4) == pytest.approx([0.2, 0.2, 0.4, 0.8])


def test_phases_are_measured_in_updates_and_the_schedule_asked_in_batches():
    schedule = LearningRate(RATE).then("First", 2, Half).join(10, batches=3)
    assert values(schedule, 8) == pytest.approx([0.4] * 6 + [0.8] * 2)


@pytest.mark.parametrize("add", [lambda rate: rate.then("Test", 1, Half), lambda rate: rate.decayed("Test", Half)])
def test_refuses_to_follow_a_decay(add):
    decayed = LearningRate(RATE).decayed("Other", Half)
    with pytest.raises(ValueError, match="Test needs a constant learning rate.* the decay of Other. Put Test before"):
        add(decayed)


@pytest.mark.parametrize(("steps", "left"), [(10, 10), (11, 10)])
@pytest.mark.parametrize("before", [0, 3])
def test_refuses_phases_that_leave_no_step(steps, left, before):
    phases = LearningRate(RATE).then("First", before, Half) if before else LearningRate(RATE)
    with pytest.raises(ValueError, match=f"Test is longer than the run: it asks for {steps} of the {left} steps left"):
        phases.then("Test", steps, Half).decayed("Other", Half).join(before + left)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), "fast", None])
def test_refuses_what_is_no_rate(rate):
    with pytest.raises(ValueError, match="must be a positive number. Received"):
        Half(rate, 1)
    with pytest.raises(ValueError, match="must be a positive number. Received"):
        LearningRate(rate)


def test_refuses_a_phase_of_no_steps():
    with pytest.raises(ValueError, match="`steps` must be at least 1"):
        Half(RATE, 0)


def test_a_phase_may_leave_a_single_step():
    assert LearningRate(RATE).then("Test", 9, Half).join(10).steps == 9


@pytest.mark.parametrize("after", [RATE, keras.optimizers.schedules.CosineDecay(RATE, 5)])
def test_survives_serialization(after):
    schedule = kt.WarmupSchedule(after, steps=4)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert values(again, 9) == values(schedule, 9)
