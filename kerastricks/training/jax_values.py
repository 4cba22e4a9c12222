"""A model's values where a step on JAX fails: Keras takes them out of the variables for a step, and may lose them."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks import keras_private


def holding(model: Any, function: Callable, kinds: tuple[str, ...]) -> Callable:
    """Returns a step of Keras' on JAX that leaves the values with the model where it raises.

    Args:
        model: The `keras.Model`.
        function: Takes the values, as a tuple of `kinds`, and an iterator.
        kinds: The variables that the values are of, such as `trainable_variables`.
    """

    def step(state: Any, iterator: Any) -> Any:
        try:
            return function(state, iterator)
        except BaseException:
            keras_private.hold_jax_state(model, dict(zip(kinds, state, strict=True)))
            raise

    step.holds = True  # type: ignore[attr-defined]
    return step


def kinds(optimizer: bool, metrics: bool) -> tuple[str, ...]:
    """Returns the kinds of variables whose values Keras hands to a step, in their order."""
    given = {"trainable": True, "non_trainable": True, "optimizer": optimizer, "metrics": metrics}
    return tuple(f"{kind}_variables" for kind, there in given.items() if there)


@contextlib.contextmanager
def kept(model: Any) -> Iterator[None]:
    """Puts the values from the beginning of the context back if it raises and values are lost; on JAX alone."""
    if keras.backend.backend() != "jax":
        yield
        return
    variables = model.variables
    before = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    try:
        yield
    except BaseException:
        model.jax_state_sync()
        if keras_private.without_values(variables):
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
        raise
