"""Batches as a pure function of (seed, global step), with the tricks' random draws beside the images."""

import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from kerastricks.data.randomness import generator, permutation
from kerastricks.training.devices.one import Devices
from kerastricks.training.sources import DataSet
from kerastricks.training.trick import Plan, Trick, overrides

NEVER = sys.maxsize


def draw(
    tricks: Sequence[Trick], size: int, step: int, plan: Plan, samples: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Returns the random draws of all `tricks` for `size` samples at `step`, keyed by "trick/name".

    Each trick has its own random stream: leaving one out changes no draw of the others. The indices of the samples,
    where they have any, are for tricks that draw by them.
    """
    draws = {}
    for trick in tricks:
        if overrides(trick, "draw"):
            random = generator(plan.seed, trick.name, step)
            for name, value in trick.draw(random, size, step, plan).items():
                draws[f"{trick.name}/{name}"] = value
        if samples is not None:
            for name, value in trick.draw_for(samples, step, plan).items():
                draws[f"{trick.name}/{name}"] = value
    return draws


class TrainingBatches(keras.utils.PyDataset):
    """Endless training batches, indexed by the global step; every epoch has its own permutation.

    Keras must be given `steps_per_epoch`: the epoch follows from the step alone, whatever calls Keras makes. Threads
    make the next batches while the device computes; `ready` maps each step to the `time.perf_counter` at which its
    batch was ready.

    Args:
        images: `images[indices]` returns the images at an array of indices, uint8 or float, channels last.
        labels: Array of integer labels, or of one-hot rows.
        plan: Length and seed of the run.
        tricks: Tricks whose draws are added to the batches.
        weights: Weight of each sample in the loss, (N,), or None.
        ahead: Number of batches made ahead, by two threads. Keras' own workers are not used: they lose the batch that
            Keras looks at before it trains, and with it the order.
        devices: What they are for.

    Attributes:
        start: Global step of the batch at index 0.
        stop: Global step before which this pass ends. Keras reads ahead, and what is compiled takes no batch of another
            shape, so that behind it the last one is there again.
        failure: What went wrong when a batch was made, or None: backends wrap it.
    """

    def __init__(
        self,
        images: Any,
        labels: np.ndarray,
        plan: Plan,
        tricks: Sequence[Trick] = (),
        *,
        weights: np.ndarray | None = None,
        ahead: int = 4,
        devices: Devices | None = None,
    ):
        super().__init__()
        self.ahead, self.devices = ahead, devices or Devices()
        self._pool = ThreadPoolExecutor(2)
        self._made: dict[int, Future] = {}
        self.images, self.labels, self.plan, self.tricks, self.weights = images, labels, plan, tricks, weights
        self.start, self.stop = 0, NEVER
        self._last: tuple | None = None
        self.failure: Exception | None = None
        self.ready: dict[int, float] = {}
        self._order: tuple[int, np.ndarray | None] = (-1, None)

    @property
    def num_batches(self):
        return None

    def indices(self, step: int) -> np.ndarray:
        """Returns the indices of the samples in the batch at a global step."""
        epoch, position = divmod(step, self.plan.steps_per_epoch)
        known, order = self._order
        if known != epoch or order is None:
            order = permutation(self.plan.seed, epoch, len(self.labels))
            for trick in self.tricks:
                order = trick.order(order, self.plan)
            self._order = (epoch, order)
        return order[position * self.plan.batch_size : (position + 1) * self.plan.batch_size]

    def __getitem__(self, index):
        step = self.start + index
        if step >= self.stop and self._last is not None:
            return self._last
        made = self._made.pop(step, None)
        for later in [known for known in self._made if not step < known <= step + self.ahead]:
            self._made.pop(later).cancel()
        for later in range(step + 1, step + 1 + self.ahead):
            if later not in self._made:
                self._made[later] = self._pool.submit(self._placed, later)
        try:
            self._last = self._placed(step) if made is None else made.result()
            return self._last
        except Exception as error:
            self.failure = error
            raise

    def generate(self) -> Iterator[tuple]:
        """Yields the batches from the first step on, for ever."""
        return (self[index] for index in itertools.count())

    def make(self, step: int) -> tuple:
        """Makes and returns the batch at a global step: inputs, labels and, where there are any, sample weights.

        Of several processes each gets its rows.
        """
        indices = self.indices(step)
        own = self.devices.own(len(indices))
        draws = draw(self.tricks, len(indices), step, self.plan, indices)
        indices = indices[own]
        inputs = {"images": self.images[indices], **{name: value[own] for name, value in draws.items()}}
        return inputs, self.labels[indices], *(() if self.weights is None else (self.weights[indices],))

    def _placed(self, step: int) -> tuple:
        batch = self.devices.place(self.make(step), len(self.indices(step)))
        self.ready[step] = time.perf_counter()
        return batch


class DataSetBatches:
    """Endless training batches of a user's data set, with the random draws beside the images.

    Args:
        dataset: The data set.
        plan: Length and seed of the run.
        tricks: Tricks whose draws are added to the batches.
        classes: Number of classes.
        class_weight: Weight of each class in the loss, or None.
        devices: What they are for.

    Attributes:
        start, stop, failure: See `TrainingBatches`.
    """

    def __init__(
        self,
        dataset: DataSet,
        plan: Plan,
        tricks: Sequence[Trick],
        classes: int,
        class_weight: Mapping | None = None,
        devices: Devices | None = None,
    ):
        self.dataset, self.plan, self.tricks, self.classes = dataset, plan, tricks, classes
        self.class_weight, self.devices = class_weight, devices or Devices()
        self.start, self.stop = 0, NEVER
        self.failure: Exception | None = None

    def generate(self, skip: int = 0) -> Iterator[tuple]:
        """Yields the batches, epoch after epoch: inputs, labels and, where there are any, sample weights.

        Args:
            skip: How many batches of the first pass are passed over.
        """
        try:
            passes = (self.dataset.epoch(self.classes) for _ in itertools.count())
            batches = itertools.islice(itertools.chain.from_iterable(passes), skip, None)
            for index, (images, labels, given) in enumerate(batches):
                step = min(self.start + index, self.stop - 1)
                inputs = {"images": images, **draw(self.tricks, len(images), step, self.plan)}
                weights = class_weights(labels, given, self.class_weight)
                batch = self.devices.share((inputs, labels, *(() if weights is None else (weights,))))
                yield self.devices.place(batch, len(labels))
        except Exception as error:
            self.failure = error
            raise


def class_weights(labels: np.ndarray, given: np.ndarray | None, class_weight: Mapping | None) -> np.ndarray | None:
    """Returns the weight of each sample, (N,): the one given times that of its class; None where all are 1.

    A one-hot or soft label has the class with the largest share. A class without a weight has 1, as in Keras.
    """
    if class_weight is None:
        return given
    classes = labels.argmax(axis=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1)
    weights = np.array([class_weight.get(int(label), 1.0) for label in classes], "float32")
    return weights if given is None else weights * given
