import pytest

import kerastricks as kt


@pytest.mark.parametrize(("batch_size", "expected"), [(256, 0.1), (1024, 0.4), (64, 0.025), (1, 0.1 / 256)])
def test_scales_with_the_batch(batch_size, expected):
    assert kt.scale_learning_rate(0.1, batch_size) == pytest.approx(expected)


def test_uses_the_batch_of_the_plan(rate):
    assert rate(kt.LinearScaling(reference=2), learning_rate=0.1) == pytest.approx(0.4)


def test_counts_all_batches_of_an_update(rate):
    """Three batches of eight images, in whichever order the tricks stand."""
    tricks = kt.GradientAccumulation(3), kt.LinearScaling(reference=2)
    assert rate(*tricks, learning_rate=0.1) == pytest.approx(1.2)
    assert rate(*tricks[::-1], learning_rate=0.1) == pytest.approx(1.2)


@pytest.mark.parametrize(("accumulation", "reference"), [(1, 8), (4, 32)])
def test_refuses_the_batch_of_the_run(setup, accumulation, reference):
    with pytest.raises(ValueError, match=f"the batch size is the reference. Received: batch_size={reference}"):
        kt.LinearScaling(reference).check(setup(plan=kt.Plan(1, 8, 8, accumulation=accumulation)))


def test_refuses_to_follow_another(rate):
    with pytest.raises(ValueError, match="Received: Warmup before it. Put LinearScaling before the other"):
        rate(kt.Warmup(1), kt.LinearScaling())


def test_refuses_no_reference():
    with pytest.raises(ValueError, match="Received: reference=0"):
        kt.LinearScaling(reference=0)
