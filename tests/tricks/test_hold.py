import pytest

import kerastricks as kt


def test_holds_the_peak_then_decays(rate):
    schedule = rate(kt.Warmup(steps=2), kt.Hold(steps=2), kt.PolynomialDecay())
    rates = [float(schedule(step)) for step in range(6)]
    assert rates == pytest.approx([0.4, 0.8, 0.8, 0.8, 0.8, 0.8 * 35 / 36], abs=1e-6)


def test_lasts_its_epochs(rate):
    assert rate(kt.Hold(epochs=1.5), kt.CosineDecay()).steps == 6


def test_refuses_to_outlast_the_run(rate):
    """Warmup and plateau together: 20 + 20 of 40 steps."""
    with pytest.raises(ValueError, match="Hold is longer than the run: it asks for 20 of the 20 steps left"):
        rate(kt.Warmup(epochs=5), kt.Hold(epochs=5), kt.CosineDecay())


def test_refuses_to_follow_a_decay(rate):
    with pytest.raises(ValueError, match="Put Hold before the trick that decays"):
        rate(kt.CosineDecay(), kt.Hold(1))


@pytest.mark.parametrize("before", [(), (kt.Warmup(1),)], ids=["alone", "behind a warmup"])
def test_refuses_a_run_without_a_decay(model, plan, before):
    with pytest.raises(ValueError, match="Hold would have no effect: .* Received: a constant rate of 0.8 after it"):
        kt.Recipe((*before, kt.Hold(1)), learning_rate=0.8).compile(model, plan)


@pytest.mark.parametrize("duration", [{"epochs": 0}, {"epochs": -1}, {"steps": 0}, {"steps": 1.5}])
def test_refuses_no_duration(duration):
    with pytest.raises(ValueError, match=r"of Hold must be .* Received"):
        kt.Hold(**duration)
