"""A run as several calls of Keras' `fit`: from where it was saved on, and compiled anew where layers thaw."""

import contextlib
import functools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from kerastricks.training import jax_values, run_state
from kerastricks.training.batches import TrainingBatches
from kerastricks.training.checkpoint_file import Saved
from kerastricks.training.divergence import Diverged
from kerastricks.training.guard import Guard, Stop, position_of
from kerastricks.training.run_state import Position


class _Loop(keras.callbacks.CallbackList):
    """Callbacks that see several calls of `fit` as one run, and batches counted from the beginning of their epoch."""

    offset = 0
    begun = False
    logs: Any = None
    saved: Saved | None = None
    engine: Any = None

    def on_train_begin(self, logs=None):
        if not self.begun:
            self.begun = True
            super().on_train_begin(logs)
            if self.saved is not None:
                run_state.put_callbacks(self.callbacks, self.saved)

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        saved, self.saved = self.saved, None
        if saved is not None and saved.header["epoch_begun"]:  # then they have been told so before
            run_state.put_variables(self.engine, saved, "The checkpoint")
            run_state.put_callbacks(self.callbacks, saved)

    def on_train_end(self, logs=None):
        self.logs = logs  # the run itself says when it ends

    def end(self) -> None:
        super().on_train_end(self.logs)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self.offset + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(self.offset + batch, logs)


def enter_last(engine: Any, start: int) -> None:
    """Puts an engine into the last of its stages, as for a measurement of the whole network.

    Args:
        engine: The `Engine`, compiled.
        start: Batches of the run before.
    """
    if engine.stages:
        _enter(engine, max(engine.stages))
        engine.compile_anew(start)


def _enter(engine: Any, last: int) -> None:
    """Does what the stages up to that of epoch `last` do."""
    for epoch in sorted(engine.stages):
        for action in engine.stages[epoch] if epoch <= last else ():
            action()


def _enter_next(engine: Any, epoch: int, steps: int) -> None:
    """Enters the stage of an epoch; the optimizer begins anew if other variables are trained there."""
    before = engine.trainable_variables
    for action in engine.stages[epoch]:
        action()
    engine.stage = epoch
    if [*map(id, engine.trainable_variables)] == [*map(id, before)]:
        engine.train_function = None
    else:
        engine.compile_anew(epoch * steps)


def fit_in_stages(
    engine: Any,
    batches: Any,
    guard: Guard,
    saved: Saved | None,
    *,
    epochs: int,
    initial_epoch: int,
    callbacks: Sequence[Any],
    verbose: Any,
    **settings: Any,
) -> Any:
    """Fits the engine from where it is to begin, compiled anew before each of its stages, and returns the history.

    Args:
        engine: The `Engine`, compiled.
        batches: `TrainingBatches` or `DataSetBatches`.
        guard: What watches over the run.
        saved: What the run goes on from, or None.
        epochs, initial_epoch, callbacks, verbose, settings: Keras' own, of `fit`.

    Raises:
        Diverged: If the loss is no number, and the run is not to go back.
        KeyboardInterrupt, SystemExit: If Ctrl-C or SIGTERM stopped it.
    """
    steps = settings["steps_per_epoch"]
    bar = {"verbose": 1 if verbose == "auto" else verbose, "epochs": epochs, "steps": steps}
    run_state.remember(callbacks)
    loop: Any = _Loop([*callbacks, guard], add_history=True, add_progbar=verbose != 0, model=engine, **bar)
    loop.callbacks.sort(key=lambda callback: callback is guard)  # last: what it saves is what the others know
    loop.saved, loop.engine = saved, engine
    at = Position(initial_epoch, 0) if saved is None else position_of(saved)
    entered = sorted(filter(engine.stages.get, engine.stages))[: saved.header["stages"]] if saved else ()
    engine.stage = max(entered, default=0) if saved else initial_epoch
    _enter(engine, engine.stage)
    if saved is not None:
        _put(engine, guard, saved)
        if at.step:
            _build_metrics(engine, batches)
    elif initial_epoch:  # an optimizer of its own: what it knew belongs to another part of the run
        engine.compile_anew(initial_epoch * steps)
    same = saved is not None and epochs == saved.header["fingerprint"]["epochs"]
    done = same and saved is not None and saved.header["finished"]
    over = same and saved is not None and (done or saved.header["stop_training"])
    engine.stop_training = False
    with guard.watching(loop), jax_values.kept(engine):
        if over or at.epoch >= epochs:
            loop.on_train_begin()
        while at.epoch < epochs and not over:
            try:
                if engine.stage < at.epoch and at.epoch in engine.stages:
                    _enter_next(engine, at.epoch, steps)
                guard.begin_at(at, saved)
                if at.step == steps:
                    assert saved is not None
                    _validate(engine, loop, at.epoch, saved, settings)
                    at = Position(at.epoch + 1, 0)
                else:
                    later = min((epoch for epoch in engine.stages if epoch > at.epoch), default=epochs)
                    end = at.epoch + 1 if at.step else min(later, epochs)
                    _fit(engine, batches, loop, at, end, {**settings, "verbose": verbose})
                    at = Position(end, 0)
                saved = None
                if engine.stop_training:
                    break
            except Stop as stop:
                raise stop.pending.error(guard.stopped()) from None
            except Diverged as error:
                at, saved = guard.last_good(error)
                run_state.put_callbacks(loop.callbacks, saved, begin=True)
                _put(engine, guard, saved, engine.rate_factor / 2)
                if at.step:
                    _build_metrics(engine, batches)
                engine.notes.append(
                    f"{error.place()}. Back to where it was good, {at.step} batches of epoch {at.epoch + 1} done; the "
                    f"learning rate is {engine.rate_factor:g} of the recipe's from there on."
                )
                warnings.warn(engine.notes[-1], stacklevel=4)
        if not (done or over):
            engine.optimizer.finalize_variable_values(engine.trainable_variables)
        loop.end()
        if not done:
            guard.finish()
        guard.obey_at_last()
    return engine.history


def _put(engine: Any, guard: Guard, saved: Saved, rate_factor: float | None = None) -> None:
    """Puts an engine, whose stage is right, into the state of a run."""
    engine.rate_factor = saved.header["rate_factor"] if rate_factor is None else rate_factor
    engine.compile_anew(saved.header["begun"])
    run_state.put_variables(engine, saved, "The checkpoint")
    engine.notes = list(saved.header["notes"]) if rate_factor is None else engine.notes
    if not callable(engine.learning_rate):  # a variable of the optimizer, which callbacks may have changed
        engine.optimizer.learning_rate = engine.rate_at(0) * engine.rate_factor / saved.header["rate_factor"]
    guard.put_back(saved)


def _build_metrics(engine: Any, batches: Any) -> None:
    """Lets the metrics make their variables, which are to take up their values; Keras does so in a first step."""
    images, labels, *_ = batches.make(0) if isinstance(batches, TrainingBatches) else batches.dataset.first()
    engine.test_on_batch(images, labels)


def _fit(engine: Any, batches: Any, loop: _Loop, at: Position, end: int, settings: dict[str, Any]) -> None:
    """Trains from a position to the beginning of epoch `end`."""
    steps = settings["steps_per_epoch"]
    batches.start, batches.stop, loop.offset = at.epoch * steps + at.step, end * steps, at.step
    own = isinstance(batches, TrainingBatches)
    iterate = batches.generate if own else functools.partial(batches.generate, at.step)
    engine.devices.put(engine)
    with _unfinished(engine.optimizer):
        engine.fit(
            engine.devices.feed(batches if own else iterate(), iterate),
            epochs=end,
            initial_epoch=at.epoch,
            callbacks=loop,
            shuffle=False,
            **{**settings, "steps_per_epoch": steps - at.step},
        )


@contextlib.contextmanager
def _unfinished(optimizer: Any) -> Iterator[None]:
    """Keeps Keras from putting an optimizer's own averages into the weights at the end of a `fit`: the run goes on."""
    optimizer.finalize_variable_values = lambda variables: None
    try:
        yield
    finally:
        del optimizer.finalize_variable_values


def _validate(engine: Any, loop: _Loop, epoch: int, saved: Saved, settings: dict[str, Any]) -> None:
    """Ends an epoch whose batches are all done, as Keras' `fit` does."""
    loop.offset = 0
    loop.on_train_begin()
    loop.on_epoch_begin(epoch)
    scores = engine.evaluate(settings["validation_data"], verbose=0, callbacks=loop, return_dict=True)
    run_state.put_metrics(engine, saved)
    logs = {**engine.get_metrics_result(), **{f"val_{name}": value for name, value in scores.items()}}
    loop.on_epoch_end(epoch, logs)
