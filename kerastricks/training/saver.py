"""When a run is saved, and what it costs."""

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerastricks.training import run_state
from kerastricks.training.checkpoint_file import Saved
from kerastricks.training.checkpoints import Checkpoint
from kerastricks.training.run_state import Position
from kerastricks.training.trick import Plan

_SPEED = 1e8  # bytes/s, of a disk of which nothing is known yet


class Saver:
    """Saves a run as often as it is due and its share of the time allows.

    Args:
        checkpoint: Where and how often.
        plan: The plan of the run.
        fingerprint: What a run that goes on must have in common with this one.
    """

    def __init__(self, checkpoint: Checkpoint, plan: Plan, fingerprint: dict[str, Any]):
        self.checkpoint, self.plan, self.fingerprint = checkpoint, plan, fingerprint
        self.best: float | None = None
        self.kept: list[int] = []
        self._begun = self._last = time.perf_counter()
        self.spent = 0.0
        self._cost: float | None = None

    def put_back(self, saved: Saved) -> None:
        """Takes what is known of the run so far from the checkpoint that it goes on from."""
        self.best, self.kept = saved.header.get("best", self.best), list(saved.header.get("kept", self.kept))

    def between_batches(self, engine: Any, others: Sequence[Any], at: Position) -> None:
        """Saves the run if it is due.

        Args:
            engine: The `Engine`.
            others: The callbacks whose state is saved.
            at: Where the run stands.
        """
        if time.perf_counter() - self._last >= 60 * self.checkpoint.minutes and self._may(engine):
            self._try(engine, others, at)

    def after_epoch(self, engine: Any, others: Sequence[Any], at: Position, score: float | None) -> None:
        """Saves the run if it is due; arguments as before, and the validation accuracy, if there is one."""
        every = self.checkpoint.keep_every
        lasting = every is not None and at.epoch % every == 0
        if lasting or (at.epoch % self.checkpoint.epochs == 0 and self._may(engine)):
            self._try(engine, others, at, score, lasting, told=score is None)

    def save(
        self,
        engine: Any,
        others: Sequence[Any],
        at: Position,
        *,
        metrics: dict[str, np.ndarray] | None = None,
        finished: bool = False,
        score: float | None = None,
        lasting: bool = False,
        told: bool = False,
        begun: bool = False,
    ) -> bool:
        """Saves the run, unless its weights are no numbers: what is there is better then. Returns whether it did.

        Args:
            engine, others, at: As before.
            metrics: See `run_state.take`.
            finished: Whether it is over.
            score: The validation accuracy of an epoch that has just ended.
            lasting: Whether the checkpoint is kept for good.
            told: Whether `checkpoint.on_best` is called, whatever the score.
            begun: Whether the callbacks know that the epoch has begun.

        Raises:
            OSError: If it cannot be written.
        """
        start = time.perf_counter()
        getattr(engine, "jax_state_sync", bool)()
        saved = run_state.take(engine, others, metrics)
        if not run_state.is_finite(saved):
            return False
        step = at.epoch * self.plan.steps_per_epoch + at.step
        best = score is not None and (self.best is None or score > self.best)
        highest, kept = score if best else self.best, [*self.kept, *([step] if lasting else [])]
        saved.header.update(at._asdict(), finished=finished, best=highest, kept=kept)
        saved.header["epoch_begun"] = begun or at.step > 0
        saved.header.update(learning_rate=engine.rate_at(max(0, step - 1)), fingerprint=self.fingerprint)
        self.checkpoint.save(saved, step, best=best, kept=kept)
        self.best, self.kept = highest, kept
        if (best or told) and self.checkpoint.on_best is not None:
            self.checkpoint.on_best(engine)
        self._last = time.perf_counter()
        self._cost = self._last - start
        self.spent += self._cost
        return True

    def _may(self, engine: Any) -> bool:
        """Tells whether one more fits into the share of the time, by what the last one took."""
        variables = (*engine.variables, *engine.optimizer.variables)
        guess = sum(4 * int(np.prod(variable.shape)) for variable in variables) / _SPEED
        cost = guess if self._cost is None else self._cost
        share = self.checkpoint.share
        return share == 1 or self.spent + 2 * cost <= share * (time.perf_counter() - self._begun)

    def _try(self, engine: Any, others: Sequence[Any], at: Position, score=None, lasting=False, told=False) -> None:
        try:
            self.save(engine, others, at, score=score, lasting=lasting, told=told)
        except OSError as error:
            self._last = time.perf_counter()  # tried again when it is due
            warnings.warn(f"The run could not be saved: {error}. It goes on; the last checkpoint stands.", stacklevel=4)
