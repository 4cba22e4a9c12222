"""How many epochs an ablation can afford in a given time."""

import itertools
import math
import statistics
import time

import keras

from kerastricks.commands.ablation.jobs import Job, run


def epochs_within(minutes: float, job: Job, runs: int) -> int:
    """Returns the epochs with which `runs` like `job` take about `minutes` one after the other.

    Raises:
        ValueError: If not even one epoch does, or the first epochs of the run fail.
    """
    try:
        beside, epoch = trial(job)
    except Exception as error:
        raise ValueError(
            f"The run that times an epoch failed: {type(error).__name__}: {error} Pass `epochs` in place of `minutes`."
        ) from None
    epochs = math.floor((60 * minutes / runs - beside) / epoch)
    if epochs < 1:
        raise ValueError(
            f"{minutes:g} minutes are too few: {runs} runs of one epoch take about "
            f"{math.ceil(runs * (beside + epoch) / 60)}. Pass more, or fewer seeds, tricks or images."
        )
    return epochs


def trial(job: Job, epochs: int = 3) -> tuple[float, float]:
    """Trains for the first epochs of a job; returns the seconds before and after them, and those of one epoch.

    Raises:
        ArithmeticError: If the loss is not finite.
        ValueError: See `kerastricks.Recipe.fit`.
    """
    ends = _Ends(epochs)
    start = time.perf_counter()
    run(job, ends)
    seconds = time.perf_counter() - start
    laps = [after - before for before, after in itertools.pairwise(ends.times)]
    epoch = statistics.median(laps) if laps else seconds
    return max(0.0, seconds - len(ends.times) * epoch), epoch


class _Ends(keras.callbacks.Callback):
    """Stops after some epochs, and keeps when each one ended."""

    def __init__(self, epochs: int):
        super().__init__()
        self.epochs = epochs
        self.times: list[float] = []

    def on_epoch_end(self, epoch, logs=None):
        self.times.append(time.perf_counter())
        self.model.stop_training = len(self.times) >= self.epochs
