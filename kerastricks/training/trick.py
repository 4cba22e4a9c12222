"""The interface of a trick: what it may change, and the plan of the run."""

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastricks.optimizers.schedules import LearningRate


@dataclasses.dataclass(frozen=True)
class Plan:
    """The length and seed of a run; converts durations in epochs into updates.

    Args:
        epochs: Passes over the training images.
        steps_per_epoch: Batches per epoch, a last partial one included.
        batch_size: Images in a full batch.
        seed: Seed of the data order and of every draw; at least 0.
        accumulation: Batches per update.
        start: Batches of the run before the optimizer's first, where it begins anew within the run.

    Raises:
        ValueError: If a number is out of its range.
    """

    epochs: int
    steps_per_epoch: int
    batch_size: int
    seed: int = 0
    accumulation: int = 1
    start: int = 0

    def __post_init__(self):
        leasts = {"epochs": 1, "steps_per_epoch": 1, "batch_size": 1, "seed": 0, "accumulation": 1, "start": 0}
        for name, least in leasts.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"`{name}` must be an integer of at least {least}. Received: {name}={value!r}")

    @property
    def batches(self) -> int:
        """Batches in the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def total_steps(self) -> int:
        """Updates in the whole run."""
        return self.batches // self.accumulation

    @property
    def effective_batch_size(self) -> int:
        """Images per update."""
        return self.batch_size * self.accumulation

    def steps(self, epochs: float) -> int:
        """Returns the number of updates in `epochs`, rounded, at least one."""
        return max(1, round(epochs * self.steps_per_epoch / self.accumulation))

    def duration(self, epochs: float, steps: int | None) -> int:
        """Returns `steps` if given, else the updates in `epochs`."""
        return self.steps(epochs) if steps is None else steps


@dataclasses.dataclass(frozen=True)
class Setup:
    """The parts of a run before it starts, for `Trick.check`: nothing has been changed yet.

    Attributes:
        model: The `keras.Model`, built.
        plan: The plan, after the tricks' `plan` hooks.
        learning_rate: The learning rate and its phases, after the tricks' `learning_rate` hooks.
        loss: The loss that fits the model, or the user's.
        optimizer: The optimizer, not yet built.
        tricks: The tricks of the recipe.
        images: Some of the training images, (N, H, W, C), as they are; None where there are none yet.
        loss_is_given: Whether the loss is the user's.
    """

    model: Any
    plan: Plan
    learning_rate: LearningRate
    loss: Any
    optimizer: Any
    tricks: Sequence["Trick"]
    images: np.ndarray | None = None
    loss_is_given: bool = False


class Trick:
    """One change to how a classifier is trained; override the hooks it needs, the rest change nothing.

    A trick is a frozen dataclass: its fields are its settings, checked in `__post_init__`. A hook takes an
    object, such as the loss, and returns the one to use in its place. A trick that would change nothing raises a
    `ValueError` in `check`, which runs once, before any hook that touches the model.
    """

    @property
    def name(self) -> str:
        """The name of the class, by which recipes, ablations and random draws refer to the trick."""
        return type(self).__name__

    @property
    def claims(self) -> tuple[str, ...]:
        """What only one trick in a recipe may set, such as `precision`."""
        return ()

    @property
    def mixes(self) -> bool:
        """Whether `batch` takes from other samples of the batch, and not from each alone."""
        return False

    @property
    def resizes(self) -> bool:
        """Whether `batch` returns images of another size than the network sees outside training."""
        return False

    @property
    def durations(self) -> tuple[str, ...]:
        """The settings that are durations in epochs, and follow when a recipe is scaled to another length."""
        return ()

    def scaled(self, factor: float) -> "Trick":
        """Returns the trick with durations `factor` times as long; whole numbers stay whole, and at least 1."""
        kinds = {field.name: field.type for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        whole = {name for name, kind in kinds.items() if kind in (int, int | None)}

        def scale(value: Any, name: str) -> Any:
            if isinstance(value, tuple):
                return tuple(scale(part, name) for part in value)
            return max(1, round(value * factor)) if name in whole and value else value and value * factor

        settings = {name: scale(getattr(self, name), name) for name in self.durations}
        return dataclasses.replace(self, **settings) if settings else self  # type: ignore[type-var]

    def check(self, setup: Setup) -> None:
        """Raises a `ValueError` if the trick would change nothing or does not apply."""

    def plan(self, plan: Plan) -> Plan:
        """Takes and returns the plan of the run."""
        return plan

    def learning_rate(self, learning_rate: LearningRate, plan: Plan) -> LearningRate:
        """Takes and returns the learning rate: an initial rate, and the phases that follow from it."""
        return learning_rate

    def model(self, model: Any, plan: Plan) -> Any:
        """Takes and returns the `keras.Model`, built."""
        return model

    def loss(self, loss: Any, plan: Plan) -> Any:
        """Takes and returns the `keras.losses.Loss` between target distributions and the model's outputs."""
        return loss

    def optimizer(self, optimizer: Any, model: Any, plan: Plan) -> Any:
        """Takes and returns the Keras optimizer, not yet built, that is to train `model`."""
        return optimizer

    def stages(self, model: Any, plan: Plan) -> dict[int, Callable[[], None] | None]:
        """Returns what is to happen to `model` before some epochs, by epoch, counted from 0; called before `model` is.

        The step is compiled anew there; where other variables are trained, with an optimizer that begins anew at the
        rate of that step.
        """
        return {}

    def callbacks(self, callbacks: list, plan: Plan) -> list:
        """Takes and returns the list of Keras callbacks."""
        return callbacks

    def order(self, order: np.ndarray, plan: Plan) -> np.ndarray:
        """Takes and returns the order in which an epoch visits the samples: their indices, (N,), on the host.

        A batch takes the next `plan.batch_size` of it. Not for a data set of the user's, which has its own order.
        """
        return order

    def draw(self, random: np.random.Generator, size: int, step: int, plan: Plan) -> dict[str, np.ndarray]:
        """Draws the random numbers that `batch` needs for `size` samples at `step`, on the host.

        Returns small arrays with samples on the first axis; each becomes a keyword argument of `batch`.
        """
        return {}

    def draw_for(self, samples: np.ndarray, step: int, plan: Plan) -> dict[str, np.ndarray]:
        """Returns what `batch` needs for the samples with these indices, (N,), at `step`, as `draw` does.

        A pure function of its arguments. Not for a data set of the user's, whose samples have no indices.
        """
        return {}

    def batch(self, images: Any, targets: Any, **draws: Any) -> tuple[Any, Any]:
        """Takes and returns float32 `images` and target distributions `targets`, on the device, in training only."""
        return images, targets

    def evaluation(self, images: Any) -> Any:
        """Takes float32 images outside training, and returns those that the network sees."""
        return images

    def auxiliary(self, model: Any, plan: Plan) -> Any:
        """Returns None, or a Keras layer, built, for an auxiliary loss in training only.

        It takes images and targets as `batch` left them and the logits of the model, and returns one loss per sample,
        (N,), which is added to the loss of that sample.
        """
        return None

    def averages(self, model: Any, plan: Plan) -> Any:
        """Returns None, or the `kerastricks.training.averages.Averages` of the model's weights."""
        return None


def check_duration(name: str, epochs: float, steps: int | None) -> None:
    """Raises a `ValueError` unless a trick's duration, in epochs or in steps, is positive."""
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise ValueError(f"`steps` of {name} must be an integer of at least 1. Received: steps={steps!r}")
    if not 0 < epochs < float("inf"):
        raise ValueError(f"`epochs` of {name} must be positive. Received: epochs={epochs}")


def overrides(trick: Trick, *hooks: str) -> bool:
    """Tells whether `trick` overrides one of `hooks`."""
    return any(getattr(type(trick), hook) is not getattr(Trick, hook) for hook in hooks)


DRAWS = ("draw", "draw_for")  # belong to `batch`
# All but those, and what changes nothing.
HOOKS = tuple(
    name for name, hook in vars(Trick).items() if inspect.isfunction(hook) and name not in ("check", "scaled", *DRAWS)
)
