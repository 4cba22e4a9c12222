"""Faults of the optimizer: a rate of zero, a weight decay of another kind, averages that are lost."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.diagnosis.schedule import rates, schedule_of

HABIT = 5e-4  # the largest weight decay of the habit of coupled decay: 1e-4 on ImageNet, 5e-4 on CIFAR
NOTHING = 1e-4  # share of a weight


def integer_rate(case: Case) -> Iterator[Finding]:
    """An integer initial rate: a schedule then computes in integers, and rounds its rates down."""
    schedule = schedule_of(case.optimizer)
    if schedule is None:
        return
    config = schedule.get_config()
    whole = {name: value for name, value in config.items() if _is_rate(name) and _integers(value)}
    if not whole:
        return
    steps = sorted({0, 1, 10, 100, *((case.steps or 1000) * part // 10 for part in range(10))})
    floats = type(schedule).from_config({**config, **{name: _floats(value) for name, value in whole.items()}})
    meant, got = rates(floats, steps), rates(schedule, steps)
    name, given = next(iter(whole.items()))
    if meant is None or (got is not None and np.allclose(meant, got, rtol=1e-3, atol=0)):
        return
    if got is None:
        seen = f"{name}={given}: the schedule raises on {keras.backend.backend()}, and is 0 or wrong on other backends"
    else:
        worst = int(np.argmax(np.abs(np.subtract(meant, got))))
        seen = f"{name}={given}: at step {steps[worst]} the rate is {got[worst]:g}, where {meant[worst]:.4g} is meant"
    yield Finding(
        "integer learning rate",
        "The schedule takes its type from the initial rate, so that it computes in integers and rounds rates down.",
        seen,
        f"Write a float: {type(schedule).__name__}({name}={_floats(given)}, ...).",
    )


def _is_rate(name: str) -> bool:
    return name in ("initial_learning_rate", "values")


def _integers(value: Any) -> bool:
    some = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in some)


def _floats(value: Any) -> Any:
    return [float(one) for one in value] if isinstance(value, list | tuple) else float(value)


def zero_rate(case: Case) -> Iterator[Finding]:
    """A learning rate of zero."""
    optimizer = case.optimizer
    if optimizer is None or any(integer_rate(case)):
        return
    schedule = schedule_of(optimizer)
    if schedule is None:
        found = [float(ops.convert_to_numpy(optimizer.learning_rate))] if hasattr(optimizer, "learning_rate") else []
        where = "learning_rate"
    else:
        steps = np.unique(np.linspace(0, (case.steps or 10_000) - 1, 20).astype(int)).tolist()
        found, where = rates(schedule, steps) or [], f"all of {len(steps)} steps up to step {steps[-1]}"
    if found and not any(found):
        yield Finding(
            "learning rate zero", "No weight moves.", f"{where}: 0", "Set a learning rate; kt.lr_find suggests one."
        )


def decoupled_decay(case: Case) -> Iterator[Finding]:
    """A weight decay that is multiplied by the rate, at a value of those that are added to the gradient."""
    optimizer = case.optimizer
    decay = getattr(optimizer, "weight_decay", None)
    if not decay or getattr(optimizer, "coupled_weight_decay", None) or decay > HABIT:
        return
    name = type(optimizer).__name__
    momentum = float(getattr(optimizer, "momentum", 0) or 0)
    if isinstance(optimizer, keras.optimizers.SGD) and momentum >= 0.5:
        times = 1 / (1 - momentum)
        yield Finding(
            "decoupled weight decay",
            "Keras' SGD takes the rate times the decay off the weights, past the momentum; the usual values are for a "
            "decay that is added to the gradient, which the momentum multiplies.",
            f"weight_decay={decay:g} at momentum {momentum:g}: {times:.3g} times weaker than the same value coupled",
            f"kt.SGD(weight_decay={decay:g}, momentum={momentum:g}), which is coupled, or weight_decay="
            f"{decay * times:.3g} as it is.",
        )
    elif isinstance(optimizer, keras.optimizers.Adam) and case.steps:
        schedule = schedule_of(optimizer)
        steps = np.linspace(0, case.steps - 1, 50).astype(int).tolist()
        found = rates(schedule, steps) if schedule else [float(ops.convert_to_numpy(optimizer.learning_rate))]
        share = decay * float(np.mean(found or [np.inf])) * case.steps
        if share < NOTHING:
            yield Finding(
                "decoupled weight decay",
                f"{name} takes the rate times the decay off the weights; the usual values for SGD do nothing there.",
                f"weight_decay={decay:g}: {share:.1%} of a weight in the {case.steps:,} steps of the run"
                if share >= 5e-4
                else f"weight_decay={decay:g}: {share:.2g} of a weight in the {case.steps:,} steps of the run",
                f"{name}(weight_decay=0.05), or another value between 0.01 and 0.1.",
            )


def lost_average(case: Case) -> Iterator[Finding]:
    """An average of the weights that the best weights of a callback take no part in, or that is never written back."""
    optimizer = case.optimizer
    if not getattr(optimizer, "use_ema", False):
        return
    updates = 1 / (1 - optimizer.ema_momentum)
    about = f"ema_momentum={optimizer.ema_momentum:g}, an average over about {updates:.0f} updates"
    swaps = False
    for callback in case.callbacks:
        swaps = swaps or (isinstance(callback, keras.callbacks.SwapEMAWeights) and callback.swap_on_epoch)
        restores = getattr(callback, "restore_best_weights", False) or getattr(callback, "save_best_only", False)
        if restores and not swaps:
            yield Finding(
                "averaged weights lost",
                f"{type(callback).__name__} keeps the best raw weights, so that the average is dropped in the end.",
                f"{about}, and 1 callback that keeps weights it is not in",
                "Put keras.callbacks.SwapEMAWeights(swap_on_epoch=True) before it in the list, or train with kt.EMA().",
            )
            return
    stops = [c for c in case.callbacks if isinstance(c, keras.callbacks.EarlyStopping) and not c.restore_best_weights]
    if swaps and stops:
        yield Finding(
            "averaged weights lost",
            "SwapEMAWeights writes the average back in the last epoch alone, which a run that stops early never has.",
            f"{about}, and EarlyStopping(patience={stops[0].patience})",
            "EarlyStopping(restore_best_weights=True) after SwapEMAWeights(swap_on_epoch=True), or kt.EMA().",
        )
        return
    averages = getattr(optimizer, "_model_variables_moving_average", None)
    if averages and case.updates and getattr(case.model, "trainable_variables", None):
        pairs = list(zip(case.model.trainable_variables, averages, strict=False))
        apart = max(float(np.abs(ops.convert_to_numpy(a) - ops.convert_to_numpy(b)).max()) for a, b in pairs)
        if len(averages) == len(case.model.trainable_variables) and apart > 1e-6:
            yield Finding(
                "averaged weights lost",
                "The average of the weights was never written back: the model holds the last raw weights.",
                f"after {case.updates:,} updates a weight and its average differ by {apart:.2g}",
                "model.optimizer.finalize_variable_values(model.trainable_variables)",
            )
