"""Learning-rate schedules that follow one another: each phase hands over to the next, which counts from zero again."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


class Phase(keras.optimizers.schedules.LearningRateSchedule):
    """Runs `rate` for `steps` steps, then `after` (a number or a schedule), whose own step 0 comes next.

    Args:
        after: Learning rate that follows, a number or a schedule.
        steps: Length of this phase, in steps; at least one.

    Raises:
        ValueError: If `steps` is below one or the rate that follows is not positive.
    """

    def __init__(self, after: Any, steps: int):
        super().__init__()
        if steps < 1:
            raise ValueError(f"`steps` must be at least 1. Received: steps={steps}")
        self.after: Any = after if callable(after) else check_rate(after)
        self.steps = int(steps)
        self.target = float(self.after(0)) if callable(self.after) else self.after

    def rate(self, step: Any) -> Any:
        """Returns the learning rate at a float32 `step` below `steps`."""
        raise NotImplementedError

    def __call__(self, step):
        step = ops.cast(step, "float32")
        later = ops.maximum(step - self.steps, 0.0)
        after = self.after(later) if callable(self.after) else ops.cast(self.after, "float32")
        return ops.where(step < self.steps, self.rate(step), after)

    def get_config(self):
        after = self.after
        return {
            "after": keras.saving.serialize_keras_object(after) if callable(after) else after,
            "steps": self.steps,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        if isinstance(config["after"], dict):
            config["after"] = keras.saving.deserialize_keras_object(config["after"])
        return cls(**config)


def check_rate(learning_rate: Any) -> float:
    """Returns a constant learning rate as a float, or raises a `ValueError`."""
    try:
        rate = float(learning_rate)
    except (TypeError, ValueError):
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ValueError(f"A learning rate must be a positive number. Received: {learning_rate!r}")
    return rate


def replace_tail(learning_rate: Any, steps: int, make: Callable[[float, int], Any], name: str) -> Any:
    """Replaces the constant with which `learning_rate` ends by `make(rate, steps left)`.

    Args:
        learning_rate: A number, or phases that end in a number.
        steps: Steps that `learning_rate` has for itself.
        make: Takes the constant and the steps left for it, returns a number or a schedule.
        name: Trick to name in an error.

    Raises:
        ValueError: If no step is left, or if no constant stands at the end.
    """
    if isinstance(learning_rate, Phase):
        left = steps - learning_rate.steps
        if left < 1:
            raise ValueError(
                f"{name} has no step left: the phases before it take {learning_rate.steps} of {steps} steps. "
                "Shorten them, or train for more epochs."
            )
        config = learning_rate.get_config()
        return type(learning_rate)(**{**config, "after": replace_tail(learning_rate.after, left, make, name)})
    if callable(learning_rate):
        raise ValueError(
            f"{name} needs a constant learning rate to start from. Received: {type(learning_rate).__name__}. "
            f"Put {name} before the trick that decays the rate, and keep one decay."
        )
    return make(check_rate(learning_rate), steps)


def check_fits(name: str, wanted: int, steps: int) -> int:
    """Returns `wanted` steps if they leave at least one of `steps`, or raises a `ValueError`."""
    if wanted >= steps:
        raise ValueError(
            f"{name} is longer than the run: it asks for {wanted} of the {steps} steps left. "
            f"Shorten it, or train for more epochs."
        )
    return wanted


@keras.saving.register_keras_serializable("kerastricks")
class UpdateSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Runs `schedule` over updates where the optimizer counts batches, as it does under gradient accumulation.

    Args:
        schedule: A schedule over updates.
        steps: Batches an update.
    """

    def __init__(self, schedule: Any, steps: int):
        super().__init__()
        self.schedule, self.steps = schedule, steps

    def __call__(self, step):
        return self.schedule(ops.floor(ops.cast(step, "float32") / self.steps))

    def get_config(self):
        return {"schedule": keras.saving.serialize_keras_object(self.schedule), "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["steps"])
