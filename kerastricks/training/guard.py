"""The watch over a run, between its batches: checkpoints, signals, and losses that are no numbers."""

import contextlib
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from kerastricks.training import run_state
from kerastricks.training.checkpoint_file import Saved
from kerastricks.training.divergence import Diverged, found_in
from kerastricks.training.run_state import Position
from kerastricks.training.saver import Saver
from kerastricks.training.signals import Pending, noticed
from kerastricks.training.trick import Plan


class Guard(keras.callbacks.Callback):
    """Saves a run, stops it when it is asked to, and raises where its loss is no number any more.

    Keras calls `on_train_batch_begin` and `on_test_batch_begin` where nothing of a step is under way: what is saved or
    stopped there is whole.

    Args:
        plan: The plan of the run.
        batches: The training batches, for what is said of one.
        saver: What saves the run, or None.
        rollback: Whether the run goes back to its last good state, and on at half the rate, where it diverges.
    """

    async_safe = True  # what it does in `on_train_batch_end` touches no variable

    def __init__(self, plan: Plan, batches: Any, saver: Saver | None, rollback: bool):
        super().__init__()
        self._plan, self._batches, self._saver, self._rollback = plan, batches, saver, rollback
        self._others: Sequence[Any] = ()
        self._saved: Saved | None = None  # what the run goes on from, until its metrics have it
        self._anchor: tuple[Position, Saved] | None = None
        # Not `self.model`, which on JAX takes the values out of the step that is under way.
        self._engine: Any = None
        self._executed = 1  # batches in an execution
        self._pending = Pending()
        self._at = Position(0, 0)
        self._offset = 0
        self._begun = False  # whether callbacks know of the epoch
        self._validating: dict[str, np.ndarray] | None = None
        self._seen = threading.Condition()
        self._ended: set[int] = set()  # batches whose losses are known, beyond those up to `_through`
        self._bad: set[int] = set()  # those of them whose loss is no number
        self._through = -1

    # What Keras calls

    def on_epoch_begin(self, epoch, logs=None):
        self._at, self._through = Position(epoch, self._offset), self._offset - 1
        self._ended, self._bad = set(), set()
        self._begun = True
        self._validating = None
        if self._saved is not None and self._at.step == self._plan.steps_per_epoch:
            self._validating = run_state.metrics_in(self._saved)
        elif self._saved is not None and self._at.step:
            run_state.put_metrics(self._engine, self._saved)
        self._saved = None
        if self._rollback and self._anchor is None:
            self._anchor = self._at, run_state.take(self._engine, self._others)

    def on_train_batch_begin(self, batch, logs=None):
        with self._seen:  # Keras hands logs over in another thread: all but those of the last batch are waited for
            last_but_one = batch - self._executed - 1
            self._seen.wait_for(lambda: self._bad or self._through >= last_but_one, timeout=30)
        self._at = Position(self._at.epoch, batch)
        self._check()
        self._obey(self._at.epoch * self._plan.steps_per_epoch + batch)
        if self._saver is not None and batch:
            self._saver.between_batches(self._engine, self._others, self._at)  # of an epoch that has begun
        run_state.seed_step(self._plan.seed, self._at.epoch * self._plan.steps_per_epoch + batch)

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        with self._seen:
            self._ended.add(batch)  # several threads bring them, in any order
            while (following := self._through + self._executed) in self._ended:
                self._ended.remove(following)
                self._through = following
            if not np.isfinite(loss):
                self._bad.add(batch)
            self._seen.notify_all()

    def on_test_begin(self, logs=None):
        self._at = Position(self._at.epoch, self._plan.steps_per_epoch)
        self._check()
        if self._validating is None:
            self._validating = run_state.metrics_of(self._engine)  # the evaluation is about to reset them
        self._obey()

    def on_test_batch_begin(self, batch, logs=None):
        self._obey()

    def on_epoch_end(self, epoch, logs=None):
        self._check()
        self._at, self._validating, self._begun = Position(epoch + 1, 0), None, False
        if self._saver is not None:
            self._saver.after_epoch(self._engine, self._others, self._at, (logs or {}).get("val_accuracy"))

    # What the run calls

    @contextlib.contextmanager
    def watching(self, loop: Any) -> Iterator[None]:
        """Notices signals within the context, and saves the run where it is stopped by one.

        Args:
            loop: The callbacks of the run.
        """
        self._engine, self._executed = loop.engine, loop.engine.steps_per_execution
        self._others = [callback for callback in loop.callbacks if callback is not self]
        alone = loop.engine.devices.ranks == 1  # of several processes, JAX notices SIGTERM
        stops = (signal.SIGINT, signal.SIGTERM) if alone and self._saver is not None else (signal.SIGINT,)
        with noticed(*stops) as self._pending:
            self._engine.obey = self._obey
            yield
            self._engine.obey = bool

    def stopped(self) -> str:
        """Saves a run that a signal has stopped, and returns what has become of it."""
        if self._saver is None:
            return "the network has the weights that it had then; nothing was saved"
        try:
            written = self._saver.save(
                self._engine, self._others, self._at, metrics=self._validating, begun=self._begun
            )
        except OSError as error:
            return f"{self.where()}; the run could not be saved: {error}"
        if not written:
            return f"{self.where()}; the run was not saved, for its weights are no numbers"
        return f"{self.where()}; the run is saved in {self._saver.checkpoint.path}"

    def where(self) -> str:
        """Returns how far the run is, in words."""
        epoch, step = self._at
        if not step:
            return f"epoch {epoch} of {self._plan.epochs} done"
        return f"{step} of {self._plan.steps_per_epoch} batches of epoch {epoch + 1} done"

    def finish(self) -> None:
        """Saves the run at its end."""
        if self._saver is None:
            return
        try:
            self._saver.save(self._engine, self._others, self._at, finished=True)
        except OSError as error:  # no reason to lose the trained network
            warnings.warn(f"The run could not be saved at its end: {error}.", stacklevel=3)

    def begin_at(self, at: Position, saved: Saved | None = None) -> None:
        """Says where the next call of `fit` begins, and what its metrics are to know; it may have to go back there."""
        self._offset, self._anchor = at.step, None
        self._saved = saved or self._saved

    def last_good(self, error: Diverged) -> tuple[Position, Saved]:
        """Returns the state to go back to after a loss that is no number.

        Raises:
            Diverged: If the run is not to go back, or did so in vain.
        """
        if not self._rollback or self._anchor is None or len(self._engine.notes) >= 4:
            raise error
        at, saved = self._anchor
        if self._saver is not None and (found := self._saver.checkpoint.latest()) is not None:
            newer = position_of(found[1])
            at, saved = (newer, found[1]) if newer > at else (at, saved)
        return at, saved

    def put_back(self, saved: Saved) -> None:
        """Puts what is known of a run that goes on."""
        if self._saver is not None:
            self._saver.put_back(saved)

    # Its own

    def obey_at_last(self) -> None:
        """Raises what a signal asks for that came when nothing was left to stop."""
        if self._pending.received is not None:
            kept = "" if self._saver is None else f"; the run is saved in {self._saver.checkpoint.path}"
            raise self._pending.error(f"all epochs are done{kept}")

    def _check(self) -> None:
        if self._bad:
            with self._seen:  # the first one counts, which may not be the first that was told
                self._seen.wait_for(lambda: self._through >= min(self._bad), timeout=30)
                epoch, batch = self._at.epoch, min(self._bad)
                self._bad = set()
            last = epoch * self._plan.steps_per_epoch + batch
            steps = range(last, last - self._executed, -1)  # Keras says of which the last one is
            found = {step: found_in(self._batches, step) for step in sorted(steps)}
            getattr(self._engine, "jax_state_sync", bool)()
            step = next((step for step, (_, broken) in found.items() if broken), last)
            raise Diverged(step, epoch, self._engine.rate_at(step), found[step])

    def _obey(self, step: int | None = None) -> None:
        """Raises where the run is to stop, before the batch at a global step; of several processes all do there."""
        devices = self._engine.devices
        if step is not None and devices.stops(step):
            self._pending.received = signal.SIGTERM
        if self._pending.received is not None and (step is not None or devices.ranks == 1):
            raise Stop(self._pending)


class Stop(Exception):
    """A signal asks the run to stop, which stands between two batches.

    Args:
        pending: The signal.
    """

    def __init__(self, pending: Pending):
        super().__init__()
        self.pending = pending


def position_of(saved: Saved) -> Position:
    """Returns where the run of a checkpoint stands."""
    return Position(saved.header["epoch"], saved.header["step"])
