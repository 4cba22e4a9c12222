"""A running average of a network's weights, its normalization statistics included."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops


class Averages:
    """Keeps an average of every weight of `network`, in `variables`.

    Args:
        network: A built `keras.Model`; it is read in `update`, and changed within `swapped` alone.
    """

    def __init__(self, network: Any):
        self._weights = network.weights
        self.variables = [
            keras.Variable(ops.convert_to_numpy(weight), dtype=weight.dtype, trainable=False, name="average")
            for weight in self._weights
        ]

    def update(self, kept: Any) -> None:
        """Replaces each average by `kept * average + (1 - kept) * weight`."""
        for average, weight in zip(self.variables, self._weights, strict=True):
            share = ops.cast(kept, average.dtype)
            average.assign(share * ops.convert_to_tensor(average) + (1 - share) * ops.convert_to_tensor(weight))

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """Lends the averages to the network; its own weights are put back whatever happens."""
        own, averages = ([ops.convert_to_numpy(v) for v in side] for side in (self._weights, self.variables))
        try:
            _assign(self._weights, averages)
            yield
        finally:
            _assign(self._weights, own)
            _assign(self.variables, averages)  # on JAX an evaluation that fails leaves no variable with a value


def _assign(variables: list, values: list) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
