import pytest

import kerastricks as kt


@pytest.mark.parametrize(
    ("power", "expected"), [(1, [0.8, 0.6, 0.4, 0.02]), (2, [0.8, 0.45, 0.2, 0.0005])], ids=["linear", "square"]
)
def test_falls_as_a_power_of_the_time_left(rate, power, expected):
    schedule = rate(kt.PolynomialDecay(power))
    assert [float(schedule(step)) for step in (0, 10, 20, 39)] == pytest.approx(expected, abs=1e-6)


def test_falls_to_its_minimum(rate):
    schedule = rate(kt.PolynomialDecay(minimum=0.2))
    assert [float(schedule(step)) for step in (0, 20, 40, 99)] == pytest.approx([0.8, 0.5, 0.2, 0.2], abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "received"), [({"power": 0}, "power=0"), ({"minimum": -1}, "minimum=-1")], ids=str
)
def test_refuses_what_is_out_of_range(settings, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        kt.PolynomialDecay(**settings)


def test_refuses_to_climb(rate):
    with pytest.raises(ValueError, match="must end below the rate it starts from"):
        rate(kt.PolynomialDecay(minimum=0.8))


def test_refuses_to_follow_a_decay(rate):
    with pytest.raises(ValueError, match="PolynomialDecay needs a constant .* the decay of CosineDecay"):
        rate(kt.CosineDecay(), kt.PolynomialDecay())
