import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerastricks as kt
from kerastricks.training.trick import HOOKS, overrides


@pytest.mark.parametrize(("epochs", "steps"), [(1, 4), (2.5, 10), (0.25, 1), (0.01, 1), (10, 40)])
def test_turns_epochs_into_steps(plan, epochs, steps):
    assert plan.steps(epochs) == steps


def test_counts_the_steps_of_the_run(plan):
    assert plan.total_steps == plan.batches == 40
    assert plan.effective_batch_size == plan.batch_size == 8


def test_an_update_may_have_several_batches():
    """Forty batches of eight images, three an update: thirteen updates of 24, and one batch left over."""
    plan = kt.Plan(epochs=10, steps_per_epoch=4, batch_size=8, accumulation=3)
    assert (plan.batches, plan.total_steps, plan.batch_size, plan.effective_batch_size) == (40, 13, 8, 24)
    assert [plan.steps(epochs) for epochs in (0.1, 1, 3, 10)] == [1, 1, 4, 13]
    assert [plan.duration(3, steps) for steps in (None, 7)] == [4, 7]


@pytest.mark.parametrize("name", ["epochs", "steps_per_epoch", "batch_size", "seed", "accumulation"])
@pytest.mark.parametrize("value", [-1, 1.5, None, True])
def test_refuses_what_is_no_count(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer.*Received"):
        kt.Plan(**{"epochs": 1, "steps_per_epoch": 1, "batch_size": 1, name: value})


@given(st.floats(0.001, 100))
def test_a_duration_is_never_zero_steps(epochs):
    assert kt.Plan(1, 7, 1).steps(epochs) >= 1


def test_a_bare_trick_changes_nothing(plan, setup):
    trick = kt.Trick()
    things = [object() for _ in range(2)]
    for hook in (trick.model, trick.loss, trick.learning_rate, trick.callbacks):
        assert hook(things[0], plan) is things[0]
    assert trick.optimizer(things[0], things[1], plan) is things[0]
    assert trick.plan(plan) is plan
    assert trick.batch(*things) == tuple(things)
    assert trick.evaluation(things[0]) is things[0]
    assert trick.auxiliary(things[0], plan) is trick.averages(things[0], plan) is trick.check(setup()) is None
    assert trick.claims == ()
    assert not any(overrides(trick, hook) for hook in HOOKS)
    assert trick.draw(np.random.default_rng(), 1, 0, plan) == {}
