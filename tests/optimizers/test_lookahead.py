import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.optimizers.lookahead import look_ahead
from kerastricks.optimizers.sgd import batches_done, plain_optimizer

GRADIENTS = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")


def followed(optimizer, gradients=GRADIENTS):
    """The values of a variable after each batch, and the slow ones."""
    variable, values, slow = keras.Variable([1.0, -2.0]), [], []
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        values.append(keras.ops.convert_to_numpy(variable).copy())
        slow.append(keras.ops.convert_to_numpy(optimizer.variables[-1]).copy())
    return np.array(values), np.array(slow)


def by_hand(step_size, k=5, updates=None, momentum=0.9, rate=0.1):
    """SGD with momentum, which goes on as it was where the weights go back; all twelve values."""
    fast, slow, velocity = np.array([1.0, -2.0]), np.array([1.0, -2.0]), np.zeros(2)
    found, behind = [], []
    for update, gradient in enumerate(GRADIENTS, start=1):
        velocity = momentum * velocity - rate * gradient
        fast = fast + velocity
        if update % k == 0:
            slow = slow + step_size(update) * (fast - slow)
        if update % k == 0 or update == updates:
            fast = slow
        found.append(fast)
        behind.append(slow)
    return np.array(found), np.array(behind)


@pytest.mark.parametrize(
    ("step_size", "updates"),
    [(lambda update: 0.5, None), (lambda update: 0.5, 12), (lambda update: 1 - 0.95**5 * (update / 12) ** 3, 12)],
    ids=["paper", "to the end of a run", "jordan"],
)
def test_twelve_steps_by_hand(step_size, updates):
    found = followed(look_ahead(kt.SGD(0.1, momentum=0.9), 5, step_size, updates))
    for ours, expected in zip(found, by_hand(step_size, updates=updates), strict=True):
        assert ours == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_one_sum_in_the_head():
    """Two steps of -1 from 1 and from -2 lead to -1 and -4; half of the way back is 0 and -3."""
    optimizer = look_ahead(kt.SGD(1.0), 2, lambda update: 0.5)
    values, _ = followed(optimizer, np.ones((2, 2), "float32"))
    assert values.tolist() == [[0, -3], [0, -3]]


@pytest.mark.parametrize("make", [kt.SGD, kt.AdamW, kt.Lamb, kt.Muon, keras.optimizers.Adam, keras.optimizers.Lion])
def test_any_optimizer_stays_what_it_is_and_half_of_its_way(make):
    """Before the slow weights move nothing differs; then half the way that it went alone is left."""
    alone, _ = followed(make(0.1), GRADIENTS[:3])
    optimizer = look_ahead(make(0.1), 3, lambda update: 0.5)
    values, _ = followed(optimizer, GRADIENTS[:3])
    assert values[:2] == pytest.approx(alone[:2], abs=1e-6)
    assert values[2] == pytest.approx((alone[2] + [1, -2]) / 2, abs=1e-6)
    assert isinstance(optimizer, make) and batches_done(optimizer) == 3
    assert isinstance(type(optimizer).from_config(optimizer.get_config()), make)


def test_counts_updates_not_batches():
    """Two batches an update: the slow weights move after the sixth batch, that is after three updates."""
    optimizer = look_ahead(kt.SGD(1.0, gradient_accumulation_steps=2), 3, lambda update: update / 6)
    values, _ = followed(optimizer, np.ones((7, 2), "float32"))
    assert values[:, 0].tolist() == [1, 0, 0, -1, -1, -0.5, -0.5]


def test_the_last_update_of_a_run_ends_at_the_slow_weights():
    """Accumulated in pairs, too: four updates are eight batches."""
    optimizer = look_ahead(kt.SGD(1.0, gradient_accumulation_steps=2), 3, lambda update: 0.5, updates=4)
    values, slow = followed(optimizer, np.ones((8, 2), "float32"))
    assert values[5:, 0].tolist() == [-0.5, -0.5, -0.5] and slow[-1, 0] == -0.5


def test_fewer_updates_than_steps_are_not_undone():
    values, _ = followed(look_ahead(kt.SGD(1.0), 3, lambda update: 0.5, updates=2), np.ones((2, 2), "float32"))
    assert values[:, 0].tolist() == [0, -1]


def test_a_step_that_loss_scaling_leaves_out_does_not_count():
    """The infinite gradient halves the scale, by which the next one, 0.5, is divided."""
    inner = look_ahead(kt.SGD(1.0), 2, lambda update: 0.5)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1.0)
    variable = keras.Variable([1.0, -2.0])
    optimizer.build([variable])
    for gradient in (1.0, float("inf"), 0.5):
        gradients = [keras.ops.full((2,), gradient)]
        if keras.backend.backend() != "jax":
            optimizer.apply(gradients, [variable])
            continue
        known = [one.value for one in optimizer.variables]  # there Keras' own scales without state alone
        (value,), states = optimizer.stateless_apply(known, gradients, [variable.value])
        for one, state in zip((variable, *optimizer.variables), (value, *states), strict=True):
            one.assign(state)
    assert keras.ops.convert_to_numpy(variable).tolist() == [0, -3]


def test_gives_a_plain_optimizer():
    optimizer = look_ahead(kt.AdamW(0.1), 2, lambda update: 0.5)
    followed(optimizer, GRADIENTS[:2])
    plain = plain_optimizer(optimizer, 0.25)
    plain.build([keras.Variable([1.0, -2.0])])
    assert type(plain).__mro__[-1] is object and isinstance(plain, keras.optimizers.AdamW)
    assert not isinstance(plain, kt.AdamW) and float(plain.learning_rate) == 0.25
    assert len(plain.variables) == len(optimizer.variables) - 1
