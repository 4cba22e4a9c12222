import pytest

import kerastricks as kt


@pytest.mark.parametrize(("batch_size", "expected"), [(256, 0.1), (1024, 0.4), (64, 0.025), (1, 0.1 / 256)])
def test_scales_with_the_batch(batch_size, expected):
    assert kt.scale_learning_rate(0.1, batch_size) == pytest.approx(expected)


def test_uses_the_batch_of_the_plan(plan):
    assert kt.LinearScaling(reference=2).learning_rate(0.1, plan) == pytest.approx(0.4)


def test_refuses_a_schedule(plan):
    with pytest.raises(ValueError, match="Put LinearScaling before the other"):
        kt.LinearScaling().learning_rate(kt.WarmupSchedule(0.1, 4), plan)


def test_refuses_no_reference():
    with pytest.raises(ValueError, match="Received: reference=0"):
        kt.LinearScaling(reference=0)
