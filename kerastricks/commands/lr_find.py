"""The learning rate finder: a sweep of a task or of a caller's model, what it suggests, and a plot."""

import dataclasses
from typing import Any

import keras

from kerastricks.commands.environment import environment
from kerastricks.commands.lr_find_task import LearningRateTask
from kerastricks.commands.output import write_json, write_text
from kerastricks.commands.prepare import prepare
from kerastricks.commands.run_lock import claiming
from kerastricks.report.plots import sweep_plot
from kerastricks.report.progress import decoding
from kerastricks.training.recipe import Recipe
from kerastricks.training.sweep import smooth, steepest, sweep, tenth_of_minimum, valley

_LAST = 5  # batches, which are on the way up


@dataclasses.dataclass(frozen=True)
class LearningRates:
    """What a sweep found.

    Attributes:
        rates: The learning rate of each batch.
        losses: Its loss.
        suggestion: The rate to begin with: that of the valley.
        others: What other rules suggest, by their names: `steepest` and `minimum / 10`.
    """

    rates: list[float]
    losses: list[float]
    suggestion: float
    others: dict[str, float]

    def svg(self) -> str:
        """Returns the plot of the smoothed losses over the rates, with the suggestions, as SVG."""
        return sweep_plot(self.rates, smooth(self.losses), {"valley": self.suggestion, **self.others})

    def __str__(self):
        others = ", ".join(f"{name} {rate:.2g}" for name, rate in self.others.items())
        return f"learning rate {self.suggestion:.2g} (valley; {others})"


def lr_find(model: Any, train: Any, recipe: Recipe | None = None, **settings: Any) -> LearningRates:
    """Finds a learning rate: trains a copy of `model` for some batches at rates that grow, and watches the loss.

    The suggestion is the rate in the valley of the loss, fastai's rule; the first tenth of the sweep and its last five
    batches are left out. It is one to begin with, not the best of all: schedules, warmup and the length of a run count.

    Args:
        model: A built Keras classifier; it is not changed.
        train: As for `Recipe.fit`.
        recipe: The recipe that is to be trained; by default one without tricks.
        settings: `start`, `stop`, `steps`, `batch_size`, `seed` and `loss`, as for `kerastricks.training.sweep.sweep`.

    Raises:
        ValueError: If the loss never falls, or a setting does not fit.

    Reference: Smith, 2015, arXiv:1506.01186; the rules of fastai's `Learner.lr_find`.
    """
    rates, losses = sweep(Recipe() if recipe is None else recipe, model, train, **settings)
    first = len(rates) // 10
    tried, smoothed = rates[first:-_LAST], smooth(losses)[first:-_LAST]
    if len(tried) < 10 or min(smoothed) > (1 - 1e-6) * smoothed[0]:
        raise ValueError(
            f"The loss fell at none of the {len(rates)} learning rates from {rates[0]:.2g} on: it was {losses[0]:.4g} "
            "at first. Begin lower, take more steps, or look at the data and the loss."
        )
    others = {"steepest": steepest(tried, smoothed), "minimum / 10": tenth_of_minimum(tried, smoothed)}
    return LearningRates(rates, losses, valley(tried, smoothed), others)


def find(task: LearningRateTask) -> tuple[LearningRates, str]:
    """Does what `kerastricks lr-find` says; returns what was found, and the directory of the plot and the figures."""
    with claiming(task.out) as claim:
        with decoding() as report:
            prepared = prepare(task, report)
        found = lr_find(
            prepared.network,
            prepared.data.train,
            prepared.recipe,
            start=task.start,
            stop=task.stop,
            steps=task.steps,
            batch_size=prepared.plan.batch_size,
            seed=task.seed,
        )
        directory = claim(f"lr-find-{prepared.data.name}")
        command = task.command("lr-find", keras.backend.backend())
        known = {"recipe_learning_rate": prepared.recipe.learning_rate, "command": command, **environment()}
        write_json(directory / "lr_find.json", {**dataclasses.asdict(found), **known})
        write_text(directory / "lr_find.svg", found.svg())
    return found, str(directory)
