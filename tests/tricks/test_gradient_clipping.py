import keras
import numpy as np
import pytest

import kerastricks as kt


@pytest.mark.parametrize(("norm", "expected"), [(1.0, [-0.6, -0.8]), (10.0, [-3.0, -4.0])])
def test_shortens_what_is_too_long(norm, expected, model, plan):
    """A gradient (3, 4) is 5 long: to 1 it is (0.6, 0.8); to 10 it stays. SGD at rate 1 takes it off 0."""
    optimizer = kt.GradientClipping(norm).optimizer(kt.SGD(1.0), model, plan)
    variables = [keras.Variable(np.zeros(1, "float32")) for _ in range(2)]
    optimizer.apply([keras.ops.array([3.0]), keras.ops.array([4.0])], variables)
    assert [float(v.numpy()[0]) for v in variables] == pytest.approx(expected, abs=1e-6)


def test_decay_comes_after_it(model, plan):
    """The gradient (3, 4) becomes (0.6, 0.8), and the decay 0.5 of the weights (1, 1) is added to that."""
    optimizer = kt.GradientClipping(1.0).optimizer(kt.SGD(1.0, weight_decay=0.5), model, plan)
    variables = [keras.Variable(np.ones(1, "float32")) for _ in range(2)]
    optimizer.apply([keras.ops.array([3.0]), keras.ops.array([4.0])], variables)
    assert [float(v.numpy()[0]) for v in variables] == pytest.approx([-0.1, -0.3], abs=1e-6)


def test_reaches_the_optimizer_under_a_loss_scale(model, plan):
    inner = kt.SGD(1.0)
    kt.GradientClipping(2.0).optimizer(keras.optimizers.LossScaleOptimizer(inner), model, plan)
    assert inner.global_clipnorm == 2.0


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "under a loss scale"])
def test_refuses_an_optimizer_that_clips(setup, wrapped):
    optimizer = keras.optimizers.SGD(clipvalue=0.5)
    with pytest.raises(ValueError, match=r"SGD\(clipvalue=0.5\)"):
        kt.GradientClipping().check(
            setup(optimizer=keras.optimizers.LossScaleOptimizer(optimizer) if wrapped else optimizer)
        )


@pytest.mark.parametrize("norm", [0, -1, float("nan")])
def test_refuses_a_norm_that_is_not_positive(norm):
    with pytest.raises(ValueError, match="must be positive"):
        kt.GradientClipping(norm)
