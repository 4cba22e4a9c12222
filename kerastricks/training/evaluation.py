"""Batches for evaluation: each sample once, in order, unchanged."""

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerastricks.training.devices.one import Devices
from kerastricks.training.sources import DataSet


class EvaluationBatches(keras.utils.PyDataset):
    """Every sample once, in order, unchanged; arguments as for `TrainingBatches`."""

    def __init__(
        self,
        images: Any,
        labels: np.ndarray,
        batch_size: int,
        weights: np.ndarray | None = None,
        devices: Devices | None = None,
    ):
        super().__init__()
        self.images, self.labels, self.batch_size, self.weights = images, labels, batch_size, weights
        self.devices = devices or Devices()

    def __len__(self):
        return -(-len(self.labels) // self.batch_size)

    def __getitem__(self, index):
        chosen = np.arange(index * self.batch_size, min((index + 1) * self.batch_size, len(self.labels)))
        size, chosen = len(chosen), chosen[self.devices.own(len(chosen))]
        weights = () if self.weights is None else (self.weights[chosen],)
        return self.devices.place((self.images[chosen], self.labels[chosen], *weights), size)

    def generate(self) -> Iterator[tuple]:
        """Yields the batches of one pass."""
        return (self[index] for index in range(len(self)))


class ValidationBatches(keras.utils.PyDataset):
    """A user's data set for evaluation; an `Engine` iterates over it by `generate`.

    Args:
        dataset: The data set.
        classes: Number of classes.
        devices: What they are for.

    Attributes:
        failure: See `TrainingBatches`.
    """

    def __init__(self, dataset: DataSet, classes: int, devices: Devices | None = None):
        super().__init__()
        self.dataset, self.classes, self.devices = dataset, classes, devices or Devices()
        self.failure: Exception | None = None

    @property
    def num_batches(self):
        return None

    def __getitem__(self, index):
        return self._placed(self.dataset.first())  # Keras looks at its form

    @property
    def count(self) -> int | None:
        """Batches of one pass, or None where the data set does not say.

        Raises:
            ValueError: If it has no end.
        """
        length = self.dataset.length
        if length == math.inf:
            raise ValueError(f"The data set of `{self.dataset.name}` has no end. Pass a finite one, as by `take`.")
        return None if length is None else int(length)

    def generate(self) -> Iterator[tuple]:
        """Yields the batches of one pass."""
        try:
            yield from map(self._placed, self.dataset.epoch(self.classes))
        except Exception as error:
            self.failure = error
            raise

    def _placed(self, batch: tuple) -> tuple:
        present = tuple(part for part in batch if part is not None)
        return self.devices.place(self.devices.share(present), len(present[1]))
