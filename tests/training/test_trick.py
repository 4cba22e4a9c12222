import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerastricks as kt


@pytest.mark.parametrize(("epochs", "steps"), [(1, 4), (2.5, 10), (0.25, 1), (0.01, 1), (10, 40)])
def test_turns_epochs_into_steps(plan, epochs, steps):
    assert plan.steps(epochs) == steps


def test_counts_the_steps_of_the_run(plan):
    assert plan.total_steps == 40


@pytest.mark.parametrize("name", ["epochs", "steps_per_epoch", "batch_size", "seed"])
@pytest.mark.parametrize("value", [-1, 1.5, None, True])
def test_refuses_what_is_no_count(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer.*Received"):
        kt.Plan(**{"epochs": 1, "steps_per_epoch": 1, "batch_size": 1, name: value})


@given(st.floats(0.001, 100))
def test_a_duration_is_never_zero_steps(epochs):
    assert kt.Plan(1, 7, 1).steps(epochs) >= 1


def test_a_bare_trick_changes_nothing(plan):
    trick = kt.Trick()
    things = [object() for _ in range(2)]
    for hook in (trick.model, trick.loss, trick.learning_rate, trick.callbacks):
        assert hook(things[0], plan) is things[0]
    assert trick.optimizer(things[0], things[1], plan) is things[0]
    assert trick.batch(*things) == tuple(things)
    assert trick.draw(np.random.default_rng(), 1, 0, plan) == {}
