"""What is said of a run whose loss is no number any more."""

from typing import Any


class Diverged(ArithmeticError):
    """The loss of a batch is NaN or infinite: the weights are of no more use.

    Attributes:
        step: Batches of the run before that one.
        epoch: Its epoch, counted from 0.
        learning_rate: The learning rate of its update.
        samples: Its samples: their places in the training data; none if the data is a data set of batches.
        broken: Those of them whose images hold values that are no numbers.
        said: What else there is to say, sentences without a full stop.
    """

    def __init__(self, step: int, epoch: int, learning_rate: float, found: tuple[list[int], list[int]]):
        self.step, self.epoch, self.learning_rate = step, epoch, learning_rate
        self.samples, self.broken = found
        self.said: list[str] = []
        super().__init__(step, epoch, learning_rate, found)

    def __str__(self):
        return ". ".join([self.place(), self.advice(), *self.said]) + "."

    def place(self) -> str:
        """Returns where it happened, in words."""
        return (
            f"The loss is no number in batch {self.step + 1} of the run, in epoch {self.epoch + 1}, "
            f"at a learning rate of {self.learning_rate:.3g}"
        )

    def advice(self) -> str:
        """Returns what to do about it."""
        if self.broken:
            few = ", ".join(map(str, self.broken[:5]))
            more = ", …" if len(self.broken) > 5 else ""
            return f"Images of that batch hold NaN or infinity: {few}{more}. Repair them, or leave them out"
        return "Lower the learning rate, warm it up, or clip the gradients"


def found_in(batches: Any, step: int) -> tuple[list[int], list[int]]:
    """Returns the samples of the batch at a global step, and those whose images hold values that are no numbers."""
    if not hasattr(batches, "indices"):
        return [], []
    import numpy as np  # here, for the command line imports this file before it does anything

    samples = batches.indices(step)
    images = np.asarray(batches.images[samples])
    broken = samples[~np.isfinite(images).reshape(len(images), -1).all(axis=1)] if images.dtype.kind == "f" else []
    return [int(sample) for sample in samples], [int(sample) for sample in broken]
