"""Batches as a pure function of (seed, global step), with the tricks' random draws beside the images."""

import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from kerastricks.data.randomness import generator, permutation
from kerastricks.training.checks import check_labels
from kerastricks.training.trick import Plan, Trick, overrides


def draw(tricks: Sequence[Trick], size: int, step: int, plan: Plan) -> dict[str, np.ndarray]:
    """Returns the random draws of all `tricks` for `size` samples at `step`, keyed by "trick/name".

    Each trick has its own random stream: leaving one out changes no draw of the others.
    """
    draws = {}
    for trick in tricks:
        if overrides(trick, "draw"):
            random = generator(plan.seed, trick.name, step)
            for name, value in trick.draw(random, size, step, plan).items():
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
        ahead: Number of batches made ahead, by two threads. Keras' own workers are not used: they lose the batch that
            Keras looks at before it trains, and with it the order.
    """

    def __init__(
        self,
        images: Any,
        labels: np.ndarray,
        plan: Plan,
        tricks: Sequence[Trick] = (),
        *,
        ahead: int = 4,
    ):
        super().__init__()
        self.ahead = ahead
        self._pool = ThreadPoolExecutor(2)
        self._made: dict[int, Future] = {}
        self.images, self.labels, self.plan, self.tricks = images, labels, plan, tricks
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
            self._order = (epoch, order)
        return order[position * self.plan.batch_size : (position + 1) * self.plan.batch_size]

    def __getitem__(self, step):
        made = self._made.pop(step, None)
        for later in [known for known in self._made if not step < known <= step + self.ahead]:
            self._made.pop(later).cancel()
        for later in range(step + 1, step + 1 + self.ahead):
            if later not in self._made:
                self._made[later] = self._pool.submit(self.make, later)
        return self.make(step) if made is None else made.result()

    def make(self, step: int) -> tuple[dict[str, Any], np.ndarray]:
        """Makes and returns the batch at a global step."""
        indices = self.indices(step)
        inputs = {"images": self.images[indices], **draw(self.tricks, len(indices), step, self.plan)}
        self.ready[step] = time.perf_counter()
        return inputs, self.labels[indices]


class EvaluationBatches(keras.utils.PyDataset):
    """Every sample once, in order, unchanged; arguments as for `TrainingBatches`."""

    def __init__(self, images: Any, labels: np.ndarray, batch_size: int, **kwargs):
        super().__init__(**kwargs)
        self.images, self.labels, self.batch_size = images, labels, batch_size

    def __len__(self):
        return -(-len(self.labels) // self.batch_size)

    def __getitem__(self, index):
        chosen = np.arange(index * self.batch_size, min((index + 1) * self.batch_size, len(self.labels)))
        return self.images[chosen], self.labels[chosen]


def add_draws(dataset: Any, plan: Plan, tricks: Sequence[Trick], classes: int) -> Iterator:
    """Yields the batches of a user's data set, epoch after epoch, with the random draws beside the images.

    Raises:
        ValueError: If a label is not one of the `classes`.
    """
    for step, (images, *rest) in enumerate(itertools.chain.from_iterable(_epochs(dataset))):
        check_labels(rest[0], classes, "train")
        yield {"images": images, **draw(tricks, len(images), step, plan)}, *rest


def _epochs(dataset: Any) -> Iterator[Iterator[tuple]]:
    while True:
        yield (_arrays(batch) for batch in iterate(dataset))
        if isinstance(dataset, keras.utils.PyDataset):
            dataset.on_epoch_end()


def iterate(dataset: Any) -> Iterator:
    """Iterates once over a `PyDataset`, or over anything that can be iterated again and again."""
    if isinstance(dataset, keras.utils.PyDataset):
        return (dataset[index] for index in range(len(dataset)))
    return iter(dataset)


def _arrays(batch: Any) -> tuple:
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        raise ValueError(f"A data set must yield `(images, labels)` batches. Received: {type(batch).__name__}")
    return tuple(np.asarray(part) for part in batch)
