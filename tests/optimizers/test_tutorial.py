"""The tutorial's examples with only the imports changed, and its formulas where they are right."""

import keras
import numpy as np
import pytest

from kerastricks import WarmUpLearningRateScheduler as exported
from kerastricks.optimizers.tutorial import (
    WarmUpCosineDecayScheduler,
    WarmUpLearningRateScheduler,
    cosine_decay_with_warmup,
)

BATCHES = 4  # of eight samples an epoch


@pytest.fixture
def net():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    return model


def fit(model, callback, epochs=3, **settings):
    random = np.random.default_rng(0)
    data = random.normal(size=(8 * BATCHES, 4)), random.integers(0, 3, 8 * BATCHES)
    model.fit(*data, epochs=epochs, batch_size=8, verbose=0, callbacks=[callback], **settings)
    return callback.learning_rates


def tutorial_formula(step, base, total, warmup_rate=0.0, warmup=0, hold=0):
    """The published definition: warmup, plateau, cosine, zero."""
    if step > total:
        return 0.0
    if step < warmup:
        return warmup_rate + (base - warmup_rate) * step / warmup
    if step <= warmup + hold:
        return base
    return 0.5 * base * (1 + np.cos(np.pi * (step - warmup - hold) / (total - warmup - hold)))


@pytest.mark.parametrize(
    "arguments", [(0.1, 20), (0.1, 20, 0.0, 5), (0.1, 20, 0.02, 5, 4), (0.1, 20, 0.0, 0, 4)], ids=str
)
def test_the_formula_on_numbers_and_arrays(arguments):
    expected = [tutorial_formula(step, *arguments) for step in range(25)]
    assert [float(cosine_decay_with_warmup(step, *arguments)) for step in range(25)] == pytest.approx(expected)
    assert cosine_decay_with_warmup(np.arange(25), *arguments) == pytest.approx(np.array(expected))


def test_differs_where_the_tutorial_divides_by_zero():
    """Warmup and plateau fill the run: the rate stays at its peak to the end."""
    rates = cosine_decay_with_warmup(np.arange(7), 0.1, 6, warmup_steps=3, hold_base_rate_steps=3)
    assert rates == pytest.approx(np.array([0, 0.1 / 3, 0.2 / 3, 0.1, 0.1, 0.1, 0.1]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"warmup_steps": 5, "hold_base_rate_steps": 6}, "at least `warmup_steps"),
        ({"warmup_learning_rate": 0.2}, "at least `warmup_learning_rate`"),
        ({"warmup_steps": -1}, "Received: warmup_steps=-1"),
        ({"total_steps": 0}, "`total_steps` must be positive"),
        ({"learning_rate_base": 0.0}, "`learning_rate_base` must be positive"),
    ],
    ids=str,
)
def test_differs_where_the_tutorial_says_nothing(arguments, message):
    with pytest.raises(ValueError, match=message):
        cosine_decay_with_warmup(0, **{"learning_rate_base": 0.1, "total_steps": 10, **arguments})
    with pytest.raises(ValueError, match=message):
        WarmUpCosineDecayScheduler(**{"learning_rate_base": 0.1, "total_steps": 10, **arguments})


def test_warmup_example(net):
    """The tutorial: warm up over the first batches, and plot `learning_rates`."""
    warm_up_lr = WarmUpLearningRateScheduler(8, init_lr=0.08)
    assert fit(net, warm_up_lr) == pytest.approx([0.01 * batch for batch in range(8)] + [0.08] * 4, abs=1e-7)
    assert warm_up_lr.batch_count == 12


def test_cosine_example(net):
    """The tutorial's own call, keyword for keyword."""
    warm_up_lr = WarmUpCosineDecayScheduler(
        learning_rate_base=0.1,
        total_steps=12,
        warmup_learning_rate=0.0,
        warmup_steps=4,
        hold_base_rate_steps=2,
    )
    expected = [tutorial_formula(step, 0.1, 12, 0.0, 4, 2) for step in range(12)]
    assert fit(net, warm_up_lr) == pytest.approx(expected, abs=1e-7)


def test_goes_on_from_a_step(net):
    rates = fit(net, WarmUpCosineDecayScheduler(0.1, 12, global_step_init=4), epochs=2)
    assert rates == pytest.approx([tutorial_formula(step, 0.1, 12) for step in range(4, 12)], abs=1e-7)


def test_differs_where_the_tutorial_stops_below_its_target(net):
    """A float of batches: the tutorial ends at 4 / 4.5 of the rate."""
    assert fit(net, WarmUpLearningRateScheduler(4.5, 0.09), epochs=2)[4:6] == pytest.approx([0.08, 0.09], abs=1e-7)


def test_differs_where_zero_batches_divide_by_zero(net):
    assert fit(net, WarmUpLearningRateScheduler(0, 0.3), epochs=1) == pytest.approx([0.3] * BATCHES)


def grouped(model, size, **settings):
    optimizer = keras.optimizers.SGD(0.5, **settings)
    model.compile(optimizer, "sparse_categorical_crossentropy", steps_per_execution=size)
    return model


one_step_alone = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras refuses `steps_per_execution` on PyTorch"
)


@one_step_alone
def test_differs_under_several_steps_an_execution(net):
    """Two batches an execution: the tutorial counts one, and climbs at half the speed."""
    rates = fit(grouped(net, 2), WarmUpLearningRateScheduler(8, 0.08), epochs=2)
    assert rates == pytest.approx([0, 0, 0.02, 0.02, 0.04, 0.04, 0.06, 0.06], abs=1e-7)


@one_step_alone
@pytest.mark.parametrize("accumulation", [None, 2])
def test_the_last_execution_of_an_epoch_is_shorter(net, accumulation):
    """Four batches an epoch, three an execution, then one: Keras reports six batches, and two updates with two each."""
    model = grouped(net, 3, gradient_accumulation_steps=accumulation)
    scheduler = WarmUpLearningRateScheduler(8, 0.08)
    expected = [0, 0, 0, 0.03, 0.04, 0.04, 0.04, 0.07, 0.08, 0.08, 0.08, 0.08]
    assert fit(model, scheduler) == pytest.approx(expected, abs=1e-7)
    assert scheduler.batch_count == 12
    cosine = fit(model, WarmUpCosineDecayScheduler(0.1, 8), epochs=2)
    assert cosine == pytest.approx([tutorial_formula(step, 0.1, 8) for step in (0, 0, 0, 3, 4, 4, 4, 7)], abs=1e-7)


@one_step_alone
def test_counts_what_keras_trains_of_a_cut_epoch(net):
    """With `steps_per_epoch=3` and two batches an execution, Keras trains four."""
    rates = fit(grouped(net, 2), WarmUpLearningRateScheduler(8, 0.08), epochs=1, steps_per_epoch=3)
    assert rates == pytest.approx([0, 0, 0.02, 0.02], abs=1e-7)


@one_step_alone
@pytest.mark.filterwarnings("ignore:.*ran out of data")
def test_counts_a_generator_whose_length_is_unknown(net):
    """Four batches, three an execution."""
    batches = ((np.ones((8, 4), "float32"), np.zeros(8, "int32")) for _ in range(4))
    scheduler = WarmUpLearningRateScheduler(8, 0.08)
    grouped(net, 3).fit(batches, shuffle=False, verbose=0, callbacks=[scheduler])
    assert scheduler.learning_rates == pytest.approx([0, 0, 0, 0.03], abs=1e-7)


def test_leaves_the_rate_alone_after_the_warmup(net):
    """So that a scheduler of the user's can go on from there."""
    lower = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 if epoch == 2 else rate)
    scheduler = WarmUpLearningRateScheduler(4, 0.08)
    random = np.random.default_rng(0)
    data = random.normal(size=(32, 4)), random.integers(0, 3, 32)
    net.fit(*data, epochs=3, batch_size=8, verbose=0, callbacks=[lower, scheduler])
    assert scheduler.learning_rates[-1] == pytest.approx(0.01)


def test_prints_what_it_sets(net, capsys):
    fit(net, WarmUpLearningRateScheduler(2, 0.5, verbose=1), epochs=1)
    assert "Batch 00002: WarmUpLearningRateScheduler setting learning rate to 0.25." in capsys.readouterr().out


def test_refuses_an_optimizer_with_a_schedule(net):
    net.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 9)), "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="which the optimizer has from a schedule. Received: CosineDecay"):
        fit(net, WarmUpLearningRateScheduler(4, 0.1))


@pytest.mark.parametrize("arguments", [(-1, 0.1), (4, 0.0), (4, -0.1)], ids=str)
def test_warmup_refuses(arguments):
    with pytest.raises(ValueError, match="Received"):
        WarmUpLearningRateScheduler(*arguments)


def test_the_names_are_exported():
    assert exported is WarmUpLearningRateScheduler
