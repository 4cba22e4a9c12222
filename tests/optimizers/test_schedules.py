import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.optimizers.schedules import Phase, check_fits, replace_tail

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


def test_replaces_the_constant_at_the_end_of_a_chain():
    schedule = replace_tail(Half(Half(RATE, 3), 2), 10, lambda rate, left: Half(rate, left), "Test")
    assert (schedule.steps, schedule.after.steps, schedule.after.after.steps) == (2, 3, 5)
    assert schedule.after.after.after == RATE


def test_refuses_a_second_decay():
    decay = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(ValueError, match="Test needs a constant learning rate.*CosineDecay"):
        replace_tail(decay, 10, lambda rate, left: rate, "Test")


def test_refuses_phases_that_leave_no_step():
    with pytest.raises(ValueError, match="Test has no step left: the phases before it take 10 of 10"):
        replace_tail(Half(RATE, 10), 10, lambda rate, left: rate, "Test")


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), "fast", None])
def test_refuses_what_is_no_rate(rate):
    with pytest.raises(ValueError, match="must be a positive number. Received"):
        Half(rate, 1)


def test_refuses_a_phase_of_no_steps():
    with pytest.raises(ValueError, match="`steps` must be at least 1"):
        Half(RATE, 0)


def test_a_duration_leaves_a_step():
    assert check_fits("Test", 9, 10) == 9
    with pytest.raises(ValueError, match="asks for 10 of the 10"):
        check_fits("Test", 10, 10)


@pytest.mark.parametrize("after", [RATE, keras.optimizers.schedules.CosineDecay(RATE, 5)])
def test_survives_serialization(after):
    schedule = kt.WarmupSchedule(after, steps=4)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert values(again, 9) == values(schedule, 9)
