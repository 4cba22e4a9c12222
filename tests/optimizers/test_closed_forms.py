"""Whole learning rates of three runs against their closed forms, at every step."""

import math

import numpy as np
import pytest

import kerastricks as kt


def paper(step):
    """Batch 1,024 of the paper in small: 0.1 * 4, five epochs of warmup, then a cosine to the end of 120."""
    peak, warm, total = 0.4, 5 * 7, 120 * 7
    if step < warm:
        return peak * (step + 1) / warm
    return peak * (1 + math.cos(math.pi * (step - warm) / (total - warm))) / 2


def tutorial(step):
    """Warmup from zero, a plateau, then a cosine to a floor."""
    peak, floor, warm, hold, total = 0.05, 0.001, 10, 15, 100
    if step < warm:
        return peak * step / warm
    if step < warm + hold:
        return peak
    share = (step - warm - hold) / (total - warm - hold)
    return floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2


def steps(step):
    """The paper's baseline: a tenth at epochs 30, 60 and 90 of 120, three steps each."""
    return 0.1 * 0.1 ** sum(step >= 3 * epoch for epoch in (30, 60, 90))


RUNS = {
    "paper": (paper, 0.1, kt.Plan(120, 7, 1024), (kt.LinearScaling(), kt.Warmup(5), kt.CosineDecay())),
    "tutorial": (
        tutorial,
        0.05,
        kt.Plan(10, 10, 32),
        (kt.Warmup(epochs=1, start=0), kt.Hold(steps=15), kt.CosineDecay(minimum=0.001)),
    ),
    "steps": (steps, 0.1, kt.Plan(120, 3, 256), (kt.StepDecay(),)),
}


@pytest.mark.parametrize("name", RUNS)
def test_every_step(name, rate):
    formula, learning_rate, plan, tricks = RUNS[name]
    schedule = rate(*tricks, learning_rate=learning_rate, plan=plan)
    expected = np.array([formula(step) for step in range(plan.total_steps)])
    obtained = np.array([float(schedule(step)) for step in range(plan.total_steps)])
    assert obtained == pytest.approx(expected, abs=1e-6)
    assert max(obtained) == pytest.approx(max(expected), abs=1e-6)  # the peak is reached
    assert obtained[-1] > 0
