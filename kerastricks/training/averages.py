"""A running average of a network's weights, moving statistics included."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

_SAME = "only_first_replica"  # replicas on TensorFlow average alike


class Averages:
    """Keeps an average of every weight of `network`, in float32.

    Args:
        network: A built `keras.Model`; it is read in `update`, and changed only within `swapped`.
        momentum: Function from the number of updates so far to the momentum of the average.
    """

    def __init__(self, network: Any, momentum: Callable[[Any], Any]):
        self.momentum = momentum
        self._weights = network.weights
        self.averages = [
            keras.Variable(
                ops.convert_to_numpy(weight), dtype="float32", trainable=False, name="average", aggregation=_SAME
            )
            for weight in self._weights
        ]
        self._updates = keras.Variable(0, dtype="int32", trainable=False, name="averaged_updates", aggregation=_SAME)

    @property
    def variables(self) -> list:
        """All variables, for Keras to track."""
        return [*self.averages, self._updates]

    def update(self, updates: Any) -> None:
        """Moves each average towards its weight: `m * average + (1 - m) * weight`, m the momentum.

        Args:
            updates: Number of weight updates so far; if it has not grown since the last call, nothing changes.
        """
        updates = ops.cast(updates, "int32")
        moved = updates > ops.convert_to_tensor(self._updates)
        m = ops.where(moved, ops.cast(self.momentum(ops.cast(updates, "float32")), "float32"), 1.0)
        for average, weight in zip(self.averages, self._weights, strict=True):
            average.assign(m * ops.convert_to_tensor(average) + (1 - m) * ops.cast(weight, "float32"))
        self._updates.assign(updates)

    def begin(self, updates: int) -> None:
        """Takes the weights as they are for the averages, if updates were made of which they do not know."""
        if int(ops.convert_to_numpy(self._updates)) != updates:
            _assign(self.averages, [ops.convert_to_numpy(weight) for weight in self._weights])
            self._updates.assign(updates)

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """Puts the averages into the network within the context; its own weights are restored in any case."""
        own, averages = ([ops.convert_to_numpy(v) for v in side] for side in (self._weights, self.averages))
        try:
            _assign(self._weights, averages)
            yield
        finally:
            _assign(self._weights, own)
            _assign(self.averages, averages)  # on JAX an evaluation that fails leaves the variables without values


def _assign(variables: list, values: list) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
