"""The contract: what a trick may change, and the plan of the run that it changes it for."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Plan:
    """The length and seed of a run; turns durations in epochs into update steps.

    Args:
        epochs: Passes over the training images.
        steps_per_epoch: Batches in one epoch, the last partial one counted.
        batch_size: Images in a full batch.
        seed: Seed of the data order and of every draw; at least 0.
        accumulation: Batches whose gradients make one update. `steps` and `total_steps` count updates.

    Raises:
        ValueError: If a number is out of its range.
    """

    epochs: int
    steps_per_epoch: int
    batch_size: int
    seed: int = 0
    accumulation: int = 1

    def __post_init__(self):
        leasts = {"epochs": 1, "steps_per_epoch": 1, "batch_size": 1, "seed": 0, "accumulation": 1}
        for name, least in leasts.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"`{name}` must be an integer of at least {least}. Received: {name}={value!r}")

    @property
    def total_steps(self) -> int:
        """Updates in the whole run."""
        return self.epochs * self.steps_per_epoch // self.accumulation

    def steps(self, epochs: float) -> int:
        """Returns the whole number of updates nearest to `epochs`, at least one."""
        return max(1, round(epochs * self.steps_per_epoch / self.accumulation))

    def duration(self, epochs: float, steps: int | None) -> int:
        """Returns `steps` where they are given, else those of `epochs`."""
        return self.steps(epochs) if steps is None else steps


class Trick:
    """One change to how a classifier is trained; override the hooks it needs, the rest change nothing.

    A trick is a frozen dataclass: its fields are its settings, checked in `__post_init__`. A hook takes a thing
    and returns the thing to use in its place. A hook that would change nothing raises a `ValueError`.
    """

    @property
    def name(self) -> str:
        """The name of the class: how a recipe, an ablation and the draws know the trick."""
        return type(self).__name__

    def updates(self, plan: Plan) -> Plan:
        """Takes and returns the plan that the learning rate follows, which counts updates."""
        return plan

    def model(self, model: Any, plan: Plan) -> Any:
        """Takes and returns the `keras.Model`, built."""
        return model

    def loss(self, loss: Any, plan: Plan) -> Any:
        """Takes and returns the `keras.losses.Loss` between target distributions and the model's outputs."""
        return loss

    def learning_rate(self, learning_rate: Any, plan: Plan) -> Any:
        """Takes and returns the learning rate: a number, or a Keras schedule over steps."""
        return learning_rate

    def optimizer(self, optimizer: Any, model: Any, plan: Plan) -> Any:
        """Takes and returns the Keras optimizer, not yet built, that is to train `model`."""
        return optimizer

    def callbacks(self, callbacks: list, plan: Plan) -> list:
        """Takes and returns the list of Keras callbacks."""
        return callbacks

    def draw(self, random: np.random.Generator, size: int, step: int, plan: Plan) -> dict[str, np.ndarray]:
        """Draws on the host what `batch` needs for `size` samples at `step`.

        Returns small arrays whose first axis is the sample; each becomes a keyword argument of `batch`.
        """
        return {}

    def batch(self, images: Any, targets: Any, **draws: Any) -> tuple[Any, Any]:
        """Takes and returns float32 `images` and target distributions `targets`, on the device, in training alone."""
        return images, targets

    def evaluation(self, images: Any) -> Any:
        """Takes float32 images outside of training, and returns those that the network sees."""
        return images

    def networks(self) -> tuple:
        """Returns the frozen `keras.Model`s, without trainable weights, that `added_loss` calls."""
        return ()

    def added_loss(self, images: Any, targets: Any, logits: Any) -> Any:
        """Returns what is added to the loss of each sample, (N,), in training alone.

        Takes the images and targets as `batch` left them, and the logits of the model.
        """
        raise NotImplementedError

    def averaging(self, updates: Any) -> Any:
        """Returns the share of the averaged weights that stays when the weights join them, after `updates` updates."""
        raise NotImplementedError


def check_duration(name: str, epochs: float, steps: int | None) -> None:
    """Raises a `ValueError` unless a trick's duration, in epochs or in steps, is positive."""
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise ValueError(f"`steps` of {name} must be an integer of at least 1. Received: steps={steps!r}")
    if not 0 < epochs < float("inf"):
        raise ValueError(f"`epochs` of {name} must be positive. Received: epochs={epochs}")


def overrides(trick: Trick, hook: str) -> bool:
    """Tells whether `trick` has its own `hook`."""
    return getattr(type(trick), hook) is not getattr(Trick, hook)
