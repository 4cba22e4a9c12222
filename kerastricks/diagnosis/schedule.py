"""A schedule of the learning rate that is longer or shorter than the run."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding

LEFT, IDLE = 0.1, 0.25  # of the peak rate, at the end; of the run, at the lowest rate
_ENDLESS = ("ExponentialDecay", "InverseTimeDecay", "CosineDecayRestarts")


def schedule_of(optimizer: Any) -> Any:
    """Returns the schedule of an optimizer, or None."""
    schedule = getattr(optimizer, "_learning_rate", None)
    return schedule if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule) else None


def rates(schedule: Any, steps: Sequence[int]) -> list[float] | None:
    """Returns the rates of a schedule at some steps, or None if it raises."""
    try:
        return [float(ops.convert_to_numpy(schedule(step))) for step in steps]
    except Exception:
        return None


def end_of(schedule: Any) -> int | None:
    """Returns the step after which a schedule of Keras' stays as it is, or None if that is unknown."""
    config = schedule.get_config()
    name = type(schedule).__name__
    if name == "CosineDecay":
        return int(config["decay_steps"] + (config.get("warmup_steps") or 0))
    if name == "PolynomialDecay" and not config.get("cycle"):
        return int(config["decay_steps"])
    return int(config["boundaries"][-1]) if name == "PiecewiseConstantDecay" else None


def length(case: Case) -> Iterator[Finding]:
    """A schedule that ends long before the run, or long after it."""
    schedule, steps = schedule_of(case.optimizer), case.steps
    if schedule is None or not steps or type(schedule).__name__ in _ENDLESS:
        return
    end = end_of(schedule)
    if end is None:
        return
    piecewise = type(schedule).__name__ == "PiecewiseConstantDecay"
    found = rates(schedule, [*np.linspace(0, steps - 1, 50).astype(int).tolist(), end, end + 1])
    if not found or not max(found) > 0:
        return
    peak, last, lowest = max(found), found[-3], found[-1]
    if (piecewise and end >= steps) or (last - lowest > LEFT * peak and end > steps):
        yield Finding(
            "schedule longer than the run",
            "The run ends before the learning rate has come down.",
            f"the schedule takes {end:,} steps, the run {steps:,}; its last rate is {last:.3g}, that of the schedule "
            f"{lowest:.3g}",
            f"Give the schedule {steps:,} steps in all: epochs times batches in an epoch.",
        )
    elif end < (1 - IDLE) * steps and lowest <= 0.01 * peak and not (piecewise and lowest > 0):
        yield Finding(
            "schedule shorter than the run",
            "The learning rate is at its lowest long before the run ends.",
            f"the schedule takes {end:,} steps, the run {steps:,}: the last {steps - end:,} have the rate {lowest:.3g}",
            f"Give the schedule {steps:,} steps in all: epochs times batches in an epoch.",
        )
