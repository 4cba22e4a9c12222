import pytest

import kerastricks as kt


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.8), (10, 0.8 * 0.853553), (20, 0.4), (30, 0.8 * 0.146447), (40, 0)]
)
def test_falls_along_half_a_cosine(rate, step, expected):
    assert float(rate(kt.CosineDecay())(step)) == pytest.approx(expected, abs=1e-6)


def test_the_last_update_still_moves(rate):
    assert float(rate(kt.CosineDecay())(39)) > 1e-4


@pytest.mark.parametrize(("step", "expected"), [(0, 0.8), (20, 0.5), (40, 0.2), (99, 0.2)])
def test_falls_to_its_minimum(rate, step, expected):
    assert float(rate(kt.CosineDecay(minimum=0.2))(step)) == pytest.approx(expected, abs=1e-6)


def test_takes_an_integer_rate(rate):
    assert float(rate(kt.CosineDecay(), learning_rate=1)(20)) == pytest.approx(0.5, abs=1e-6)


def test_refuses_a_second_decay(rate):
    with pytest.raises(ValueError, match="CosineDecay needs a constant .* the decay of StepDecay.* keep one decay"):
        rate(kt.StepDecay((5,)), kt.CosineDecay())


@pytest.mark.parametrize("minimum", [0.8, 1.0])
def test_refuses_to_climb(rate, minimum):
    with pytest.raises(ValueError, match="must end below the rate it starts from"):
        rate(kt.CosineDecay(minimum=minimum))


def test_refuses_a_negative_minimum():
    with pytest.raises(ValueError, match="Received: minimum=-0.1"):
        kt.CosineDecay(minimum=-0.1)
