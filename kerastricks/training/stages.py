"""A run whose step is compiled anew before some of its epochs, as where layers thaw."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras

from kerastricks.training.batches import TrainingBatches


class _OneRun(keras.callbacks.CallbackList):
    """Callbacks that see several calls of `fit` as one run."""

    begun = ended = False

    def on_train_begin(self, logs=None):
        if not self.begun:
            self.begun = True
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        if self.ended or self.params["engine"].stop_training:
            super().on_train_end(logs)


def enter_last(engine: Any, start: int) -> None:
    """Puts an engine into the last of its stages, as for a measurement of the whole network.

    Args:
        engine: The `Engine`, compiled.
        start: Batches of the run before.
    """
    for epoch in sorted(engine.stages):
        for action in engine.stages[epoch]:
            action()
    if engine.stages:
        engine.compile_anew(start)


def fit_in_stages(
    engine: Any,
    batches: Any,
    *,
    epochs: int,
    initial_epoch: int,
    callbacks: Sequence[Any],
    verbose: Any,
    **settings: Any,
) -> Any:
    """Fits the engine from `initial_epoch` on, compiled anew before each of its stages, and returns the history.

    Args:
        engine: The `Engine`, compiled.
        batches: `TrainingBatches` or `DataSetBatches`.
        epochs, initial_epoch, callbacks, verbose, settings: Keras' own, of `fit`.
    """
    past = [action for epoch in sorted(engine.stages) if epoch <= initial_epoch for action in engine.stages[epoch]]
    for action in past:
        action()
    begins = [initial_epoch, *(epoch for epoch in sorted(engine.stages) if initial_epoch < epoch < epochs)]
    several = len(begins) > 1
    shared: Any = callbacks
    if several:
        bar = {"verbose": 1 if verbose == "auto" else verbose, "epochs": epochs, "steps": settings["steps_per_epoch"]}
        shared = _OneRun(
            list(callbacks), add_history=True, add_progbar=verbose != 0, model=engine, engine=engine, **bar
        )
    for begin, end in itertools.pairwise([*begins, epochs]):
        for action in engine.stages[begin] if begin != initial_epoch else ():
            action()
        batches.start = begin * settings["steps_per_epoch"]
        if batches.start:  # an optimizer of its own: what it knew belongs to another part of the run
            engine.compile_anew(batches.start)
        if several:
            shared.ended = end == epochs
        history = engine.fit(
            batches if isinstance(batches, TrainingBatches) else batches.generate(),
            epochs=end,
            initial_epoch=begin,
            callbacks=shared,
            verbose=verbose,
            shuffle=False,
            **settings,
        )
        if engine.stop_training:
            break
    return history
