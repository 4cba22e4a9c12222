"""Learning-rate schedules that follow one another: each phase hands over to the next, which counts from zero again."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops


class Phase(keras.optimizers.schedules.LearningRateSchedule):
    """Runs `rate` for `steps` steps, then `after` (a number or a schedule), which counts its steps from 0 again.

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


class _Part(NamedTuple):
    name: str
    steps: int | None  # None: all that are left
    make: Callable[[Any, int], Any]


@dataclasses.dataclass(frozen=True)
class LearningRate:
    """A learning rate under construction: an initial rate, and the phases that `join` makes a schedule of.

    Args:
        value: Initial rate, which the phases start from.
        parts: The phases, in their order.

    Raises:
        ValueError: If `value` is not a positive number.
    """

    value: float
    parts: tuple[_Part, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "value", check_rate(self.value))

    @property
    def decays(self) -> bool:
        """Whether the last phase lasts until the end of the run."""
        return bool(self.parts) and self.parts[-1].steps is None

    def scaled(self, factor: float) -> "LearningRate":
        """Returns the learning rate with its initial rate times `factor`; the phases then start from that."""
        return dataclasses.replace(self, value=self.value * factor)

    def then(self, name: str, steps: int, make: Callable[[Any, int], Any]) -> "LearningRate":
        """Adds a phase of a given length.

        Args:
            name: Name of the trick, for error messages.
            steps: Length of the phase, in updates.
            make: Takes what follows the phase, a number or a schedule, and `steps`; returns a schedule.

        Raises:
            ValueError: If a decay comes before it.
        """
        return self._with(_Part(name, steps, make))

    def decayed(self, name: str, make: Callable[[float, int], Any]) -> "LearningRate":
        """Adds the last phase, which lasts until the end of the run.

        Args:
            name: Name of the trick, for error messages.
            make: Takes the rate to start from and the number of updates left; returns a number or a schedule.

        Raises:
            ValueError: If a decay comes before it.
        """
        return self._with(_Part(name, None, make))

    def _with(self, part: _Part) -> "LearningRate":
        if self.decays:
            raise ValueError(
                f"{part.name} needs a constant learning rate to start from. Received: the decay of "
                f"{self.parts[-1].name}. Put {part.name} before the trick that decays the rate, and keep one decay."
            )
        return dataclasses.replace(self, parts=(*self.parts, part))

    def join(self, updates: int, batches: int = 1) -> Any:
        """Returns the learning rate of a run: a number, or a Keras schedule over batches.

        Args:
            updates: Updates in the run.
            batches: Batches per update.

        Raises:
            ValueError: If the phases are longer than the run, or a phase cannot start from the rate before it.
        """
        lengths, left = [], updates
        for part in self.parts:
            if part.steps is not None and part.steps >= left:
                raise ValueError(
                    f"{part.name} is longer than the run: it asks for {part.steps} of the {left} steps left. "
                    "Shorten it, or train for more epochs."
                )
            lengths.append(left if part.steps is None else part.steps)
            left -= lengths[-1]
        rate: Any = self.value
        for part, steps in zip(reversed(self.parts), reversed(lengths), strict=True):
            rate = part.make(rate, steps)
        return UpdateSchedule(rate, batches) if callable(rate) and batches > 1 else rate


@keras.saving.register_keras_serializable("kerastricks")
class UpdateSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Runs `schedule` over updates where the optimizer counts batches, as it does under gradient accumulation.

    Args:
        schedule: A schedule over updates.
        steps: Batches per update.
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


class LaterSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Runs `schedule` from a step on, for an optimizer that begins there and counts from 0.

        factor * schedule(step + start)

    Args:
        schedule: A schedule.
        start: The step at which it begins.
        factor: What the rates are multiplied by.
    """

    def __init__(self, schedule: Any, start: int, factor: float = 1.0):
        super().__init__()
        self.schedule, self.start, self.factor = schedule, start, factor

    def __call__(self, step):
        return self.factor * self.schedule(ops.cast(step, "float32") + self.start)

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "start": self.start, "factor": self.factor}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("schedule")), **config)


def later(learning_rate: Any, start: int, factor: float = 1.0) -> Any:
    """Returns a learning rate, a number or a schedule, from the batch at `start` on and times `factor`."""
    if not callable(learning_rate):
        return factor * learning_rate
    return LaterSchedule(learning_rate, start, factor) if start or factor != 1 else learning_rate
