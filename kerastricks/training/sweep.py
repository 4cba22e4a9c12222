"""A sweep of the learning rate over a few hundred batches, and the rates that its losses suggest (Smith, 2015)."""

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from kerastricks.models.heads import class_count
from kerastricks.training import run_state
from kerastricks.training.batches import TrainingBatches
from kerastricks.training.fit import Source
from kerastricks.training.stages import enter_last

if TYPE_CHECKING:
    from kerastricks.training.recipe import Recipe

SMOOTHING, WORSE = 0.98, 4.0  # of the running mean; times the lowest loss, where a sweep ends


@keras.saving.register_keras_serializable("kerastricks")
class ExponentialSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Multiplies the learning rate by the same factor at each update.

        start * (stop / start) ** (step / (steps - 1))

    Args:
        start: Rate of the first update.
        stop: Rate of the last one.
        steps: Updates, at least 2.
    """

    def __init__(self, start: float, stop: float, steps: int):
        super().__init__()
        self.start, self.stop, self.steps = start, stop, steps

    def __call__(self, step):
        return self.start * ops.exp(ops.cast(step, "float32") * (math.log(self.stop / self.start) / (self.steps - 1)))

    def get_config(self):
        return {"start": self.start, "stop": self.stop, "steps": self.steps}


def sweep(
    recipe: "Recipe",
    model: Any,
    train: Any,
    *,
    start: float = 1e-7,
    stop: float = 10.0,
    steps: int = 200,
    batch_size: int | None = None,
    seed: int = 0,
    loss: Any = None,
) -> tuple[list[float], list[float]]:
    """Trains a copy of `model` at rates from `start` to `stop`, and returns the rates and the loss of each batch.

    The recipe is the one that is to be trained, but for its learning rate; layers that it freezes at first learn. The
    sweep ends where the smoothed loss is four times its lowest value, or no number. The model, its optimizer and the
    generators of random numbers are afterwards as they were.

    Args:
        recipe: The recipe.
        model: A built Keras classifier that `keras.models.clone_model` can copy.
        train: As for `Recipe.fit`.
        start, stop: The lowest and the highest rate.
        steps: Batches between them, at least 10.
        batch_size, seed, loss: As for `Recipe.fit`.

    Raises:
        ValueError: If a number is out of its range, or see `Recipe.fit`.

    Reference: Smith, 2015, arXiv:1506.01186, section 3.3.
    """
    if not 0 < start < stop < math.inf:
        raise ValueError(f"`start` must be positive and below `stop`. Received: start={start}, stop={stop}")
    if steps < 10:
        raise ValueError(f"`steps` must be at least 10. Received: steps={steps}")
    source = Source(train, None, 0.0, None, None)
    plan = source.plan(recipe.epochs, batch_size, recipe.batch_size, seed, None)
    source.check(class_count(model), recipe.tricks)
    rates, losses = [], []
    with generators_kept():
        keras.utils.set_random_seed(seed % 2**32)
        engine = recipe.compile(_copy(model), plan, loss=loss, images=source.images)
        enter_last(engine, 0)
        plan = engine.plan or plan
        every, grows = plan.accumulation, any(trick.resizes for trick in recipe.tricks)
        schedule = ExponentialSchedule(start, stop, max(2, steps // every))
        engine.compile_anew(0, recipe.optimizer(learning_rate=schedule, weight_decay=recipe.weight_decay or None))
        batches = source.training(plan, recipe.tricks, engine.classes)
        for step, batch in enumerate(itertools.islice(_batches(batches), steps)):
            if grows and step % plan.steps_per_epoch == 0 and step // plan.steps_per_epoch in engine.stages:
                engine.train_function = None  # TensorFlow's holds for images of one size
            run_state.seed_step(seed, step)
            engine.reset_metrics()
            losses.append(float(engine.train_on_batch(*batch, return_dict=True)["loss"]))
            rates.append(float(schedule(step // every)))
            smoothed = smooth(losses)
            if not math.isfinite(losses[-1]) or smoothed[-1] > WORSE * min(smoothed):
                break
    whole = len(losses) - (not math.isfinite(losses[-1]))
    return rates[:whole], losses[:whole]


def _copy(model: Any) -> Any:
    try:
        copy = keras.models.clone_model(model)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"The model '{model.name}' cannot be copied, which a sweep needs: {error} Give its class a `get_config`, "
            "or build it from functional parts."
        ) from error
    copy.set_weights(model.get_weights())
    return copy


def _batches(batches: Any) -> Iterator[tuple]:
    if isinstance(batches, TrainingBatches):
        return (batches.make(step) for step in itertools.count())
    return batches.generate()


@contextlib.contextmanager
def generators_kept() -> Iterator[None]:
    """Puts the states of the process' generators of random numbers back in the end."""
    states = run_state.generators()
    with contextlib.ExitStack() as stack:
        if keras.backend.backend() == "torch":
            import torch

            stack.callback(torch.set_rng_state, torch.get_rng_state())
        stack.callback(run_state.put_generators, states)
        yield


def smooth(losses: Sequence[float], beta: float = SMOOTHING) -> list[float]:
    """Returns the running mean `beta * mean + (1 - beta) * loss` of losses, corrected for its beginning at 0."""
    smoothed, mean = [], 0.0
    for count, loss in enumerate(losses, start=1):
        mean = beta * mean + (1 - beta) * loss
        smoothed.append(mean / (1 - beta**count))
    return smoothed


def steepest(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Returns the rate at which the loss falls fastest, over the logarithm of the rate."""
    return rates[int(np.argmin(np.gradient(losses, np.log(rates))))]


def tenth_of_minimum(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Returns a tenth of the rate with the lowest loss."""
    return rates[int(np.argmin(losses))] / 10


def valley(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Returns the rate halfway through the longest falling sequence of losses, counted as fastai does.

    The sequence need not be of neighbours. Of its length the first third is passed over, and half of the second.
    """
    lengths = [1] * len(losses)
    for index, loss in enumerate(losses):
        lengths[index] += max((lengths[before] for before in range(index) if losses[before] > loss), default=0)
    end = int(np.argmax(lengths))
    third = lengths[end] / 3
    return rates[end - lengths[end] + int(third) + int(third / 2)]
