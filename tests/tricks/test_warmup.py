import keras
import pytest

import kerastricks as kt

FLAT = 0.8


@pytest.mark.parametrize(("step", "expected"), [(0, 0.2), (1, 0.4), (3, 0.8), (4, 0.8), (9, 0.8)])
def test_climbs_then_follows(step, expected):
    assert float(kt.WarmupSchedule(FLAT, steps=4)(step)) == pytest.approx(expected, abs=1e-6)


def test_climbs_to_the_start_of_what_follows():
    decay = keras.optimizers.schedules.CosineDecay(FLAT, 2)
    schedule = kt.WarmupSchedule(decay, steps=2)
    assert [float(schedule(step)) for step in range(5)] == pytest.approx([0.4, 0.8, 0.8, 0.4, 0.0], abs=1e-6)


@pytest.mark.parametrize(("start", "expected"), [(0, [0, 0.4, 0.8]), (0.4, [0.4, 0.6, 0.8])])
def test_climbs_from_a_given_rate(start, expected):
    schedule = kt.WarmupSchedule(FLAT, steps=2, start=start)
    assert [float(schedule(step)) for step in range(3)] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("start", [-0.1, 0.8, 1])
def test_refuses_to_start_above_its_target(start):
    with pytest.raises(ValueError, match=f"below the rate to climb to, 0.8. Received: start={start}"):
        kt.WarmupSchedule(FLAT, steps=2, start=start)


def test_takes_steps_in_place_of_epochs(rate):
    assert rate(kt.Warmup(steps=7)).steps == 7
    with pytest.raises(ValueError, match="`steps` of Warmup must be an integer of at least 1"):
        kt.Warmup(steps=0)


def test_lasts_its_epochs(rate):
    assert rate(kt.Warmup(epochs=2.5)).steps == 10


def test_leaves_the_rest_of_the_run_to_the_decay(rate):
    schedule = rate(kt.Warmup(1), kt.CosineDecay())
    assert (schedule.steps, schedule.after.decay_steps) == (4, 36)


@pytest.mark.parametrize("epochs", [10, 11])
def test_refuses_to_outlast_the_run(rate, epochs):
    with pytest.raises(ValueError, match=f"asks for {4 * epochs} of the 40 steps left"):
        rate(kt.Warmup(epochs))


def test_refuses_to_follow_a_decay(rate):
    with pytest.raises(ValueError, match="Put Warmup before the trick that decays"):
        rate(kt.CosineDecay(), kt.Warmup(1))


@pytest.mark.parametrize("settings", [{"steps": 1}, {"epochs": 0.25}])
def test_refuses_a_single_step_unless_it_starts_lower(setup, settings):
    """A warmup of one step has the full rate at once; with a start of its own it has that."""
    with pytest.raises(ValueError, match="Warmup would have no effect.* at 4 steps an epoch"):
        kt.Warmup(**settings).check(setup())
    kt.Warmup(**settings, start=0.1).check(setup())


@pytest.mark.parametrize("epochs", [0, -1, float("nan")])
def test_refuses_no_duration(epochs):
    with pytest.raises(ValueError, match="must be positive. Received"):
        kt.Warmup(epochs)
