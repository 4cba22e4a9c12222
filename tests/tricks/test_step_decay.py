import pytest

import kerastricks as kt


def test_falls_at_its_epochs(plan):
    """Four steps an epoch: steps 8 and 20 are the first of epochs 3 and 6."""
    schedule = kt.StepDecay((2, 5)).learning_rate(1, plan)
    expected = {0: 1, 7: 1, 8: 0.1, 19: 0.1, 20: 0.01, 39: 0.01}
    assert {step: float(schedule(step)) for step in expected} == pytest.approx(expected, abs=1e-6)


def test_counts_the_warmup_in(plan):
    schedule = kt.StepDecay((2,), factor=0.5).learning_rate(kt.Warmup(1).learning_rate(0.8, plan), plan)
    assert [float(schedule(step)) for step in (3, 7, 8, 39)] == pytest.approx([0.8, 0.8, 0.4, 0.4])


@pytest.mark.parametrize("epochs", [(10,), (5, 12)])
def test_refuses_to_fall_beyond_the_run(plan, epochs):
    with pytest.raises(ValueError, match="within the 10 of the run. Received"):
        kt.StepDecay(epochs).learning_rate(0.8, plan)


def test_refuses_to_fall_in_the_warmup(plan):
    with pytest.raises(ValueError, match="after the 3 epochs before it"):
        kt.StepDecay((2,)).learning_rate(kt.Warmup(3).learning_rate(0.8, plan), plan)


@pytest.mark.parametrize("epochs", [(), (2, 1), (1, 1), (0, 1)])
def test_refuses_epochs_that_do_not_ascend(epochs):
    with pytest.raises(ValueError, match="must be positive and ascending"):
        kt.StepDecay(epochs)


@pytest.mark.parametrize("factor", [0, 1, -0.1])
def test_refuses_a_factor_that_is_none(factor):
    with pytest.raises(ValueError, match="must be positive and not 1"):
        kt.StepDecay((1,), factor)
