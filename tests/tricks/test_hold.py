import pytest

import kerastricks as kt


def test_holds_the_peak_then_decays(plan):
    schedule = kt.Hold(steps=2).learning_rate(kt.Warmup(steps=2).learning_rate(0.8, plan), plan)
    schedule = kt.PolynomialDecay().learning_rate(schedule, plan)
    rates = [float(schedule(step)) for step in range(6)]
    assert rates == pytest.approx([0.4, 0.8, 0.8, 0.8, 0.8, 0.8 * 35 / 36], abs=1e-6)


def test_lasts_its_epochs(plan):
    assert kt.Hold(epochs=1.5).learning_rate(0.8, plan).steps == 6


def test_refuses_to_outlast_the_run(plan):
    """Warmup and plateau together: 20 + 20 of 40 steps."""
    warm = kt.Warmup(epochs=5).learning_rate(0.8, plan)
    with pytest.raises(ValueError, match="asks for 20 of the 20 steps left"):
        kt.Hold(epochs=5).learning_rate(warm, plan)


def test_refuses_to_follow_a_decay(plan):
    with pytest.raises(ValueError, match="Put Hold before the trick that decays"):
        kt.Hold(1).learning_rate(kt.CosineDecay().learning_rate(0.8, plan), plan)


@pytest.mark.parametrize("duration", [{"epochs": 0}, {"epochs": -1}, {"steps": 0}, {"steps": 1.5}])
def test_refuses_no_duration(duration):
    with pytest.raises(ValueError, match=r"of Hold must be .* Received"):
        kt.Hold(**duration)
