import pytest

import kerastricks as kt


def test_falls_at_its_epochs(rate):
    """Four steps an epoch: steps 8 and 20 are the first of epochs 3 and 6."""
    schedule = rate(kt.StepDecay((2, 5)), learning_rate=1)
    expected = {0: 1, 7: 1, 8: 0.1, 19: 0.1, 20: 0.01, 39: 0.01}
    assert {step: float(schedule(step)) for step in expected} == pytest.approx(expected, abs=1e-6)


def test_counts_the_warmup_in(rate):
    schedule = rate(kt.Warmup(1), kt.StepDecay((2,), factor=0.5))
    assert [float(schedule(step)) for step in (3, 7, 8, 39)] == pytest.approx([0.8, 0.8, 0.4, 0.4])


@pytest.mark.parametrize("epochs", [(10,), (5, 12)])
def test_refuses_to_fall_beyond_the_run(rate, epochs):
    with pytest.raises(ValueError, match="within the 10 of the run. Received"):
        rate(kt.StepDecay(epochs))


@pytest.mark.parametrize("beside", [(), (kt.GradientAccumulation(2),)], ids=["alone", "two batches an update"])
def test_refuses_to_fall_in_the_warmup(rate, beside):
    with pytest.raises(ValueError, match="after the 3 epochs before it"):
        rate(*beside, kt.Warmup(3), kt.StepDecay((2,)))


def test_says_how_long_the_warmup_is_where_updates_and_epochs_do_not_fit(rate):
    """Six epochs of five batches, two batches an update: four epochs are ten updates, and twenty batches."""
    with pytest.raises(ValueError, match="after the 4 epochs before it"):
        rate(kt.GradientAccumulation(2), kt.Warmup(4), kt.StepDecay((2,)), plan=kt.Plan(6, 5, 8))


def test_refuses_to_follow_a_decay(rate):
    with pytest.raises(ValueError, match="StepDecay needs a constant .* the decay of CosineDecay"):
        rate(kt.CosineDecay(), kt.StepDecay((5,)))


@pytest.mark.parametrize("epochs", [(), (2, 1), (1, 1), (0, 1)])
def test_refuses_epochs_that_do_not_ascend(epochs):
    with pytest.raises(ValueError, match="must be positive and ascending"):
        kt.StepDecay(epochs)


@pytest.mark.parametrize("factor", [0, 1, -0.1])
def test_refuses_a_factor_that_is_none(factor):
    with pytest.raises(ValueError, match="must be positive and not 1"):
        kt.StepDecay((1,), factor)
