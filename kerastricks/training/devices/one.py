"""What a run asks of its devices, as one device answers: nothing is split, nothing is joined."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from keras import tree


class Devices:
    """One device; others override what they do differently.

    Attributes:
        count: Devices that share a batch, those of all processes.
        rank, ranks: The number of this process, from 0, and how many there are.
        replicas: How many losses, each of a part of a batch, are summed.
    """

    count = 1
    replicas = 1
    rank = 0
    ranks = 1

    def entered(self, model: Any) -> contextlib.AbstractContextManager:
        """Returns the context of a run of `model`; afterwards all variables are those of the first device."""
        return contextlib.nullcontext()

    def own(self, size: int) -> slice:
        """Returns which rows of a batch of `size` this process is to read."""
        return slice(0, size)

    def share(self, batch: tuple) -> tuple:
        """Returns the rows of a whole batch on the host that this process is to read."""
        own = self.own(len(batch[1]))
        return tuple(tree.map_structure(lambda array: np.asarray(array)[own], part) for part in batch)

    def place(self, batch: tuple, size: int) -> tuple:
        """Takes the own rows of a batch of `size`, on the host, and returns what Keras is to get."""
        return batch

    def feed(self, batches: Any, iterate: Callable[[], Iterator[tuple]], evaluation: bool = False) -> Any:
        """Returns what `fit` or `evaluate` is to iterate over.

        Args:
            batches: What one device iterates over.
            iterate: Returns an iterator over the same batches.
            evaluation: Whether they may be put together in another way.
        """
        return batches

    def put(self, engine: Any) -> None:
        """Brings all variables of an engine to all devices; called before each call of `fit` or `evaluate`."""

    def optimizer(self, optimizer: Any) -> Any:
        """Takes and returns the optimizer of a run, not yet built."""
        return optimizer

    def split(self, images: Any) -> Any:
        """Takes the images of a step, and returns them split among the devices."""
        return images

    def mix(self, trick: Any, images: Any, targets: Any, draws: dict[str, Any]) -> tuple[Any, Any]:
        """Applies a batch trick."""
        return trick.batch(images, targets, **draws)

    def first(self, iterator: Any) -> Any:
        """Returns a batch of an epoch's iterator of Keras', whose shape tells Keras what to build; None leaves it."""
        return None

    def told(self, engine: Any, step: Any) -> Any:
        """Takes and returns the function that Keras calls for a step, which returns what the metrics say."""
        return step

    def from_first(self, content: bytes) -> bytes:
        """Returns the bytes that process 0 has."""
        return content

    def stops(self, step: int) -> bool:
        """Tells whether one of several processes was asked to stop, so that all do before the batch at this step."""
        return False

    def pin(self, state: Any) -> Any:
        """Takes the values of variables that a step returns, and returns them on all devices."""
        return state
