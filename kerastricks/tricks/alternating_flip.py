"""Images mirrored left to right in every other epoch."""

import dataclasses
import functools

import numpy as np
from keras import ops

from kerastricks.data.randomness import generator
from kerastricks.training.trick import Trick, overrides


@functools.lru_cache(4)
def _bits(seed: int, count: int) -> np.ndarray:
    return generator(seed, "AlternatingFlip", 0).random(count) < 0.5


def flipped(samples: np.ndarray, epoch: int, seed: int) -> np.ndarray:
    """Returns which samples are mirrored in an epoch, (N,), 0 or 1: a random half in the first, then the others.

        (b + epoch) mod 2,  b the random bit of the sample

    Args:
        samples: Indices of the samples, (N,).
        epoch: The epoch, from 0.
        seed: Seed of the bits.
    """
    bits = _bits(seed, 1 << int(samples.max()).bit_length())  # few lengths; a longer one begins with the same bits
    return (bits[samples] + epoch) % 2


@dataclasses.dataclass(frozen=True)
class AlternatingFlip(Trick):
    """Mirrors each image left to right in every other epoch; a random half of them begins.

    So two successive epochs show both sides of every image, where `RandomFlip` shows half of them one side twice.

    Raises:
        ValueError: If the run has a single epoch, the recipe has `RandomFlip` too or a trick that leaves images out of
            an epoch, or the data are no arrays.

    Reference: Jordan, 2024, arXiv:2404.00498.
    """

    def check(self, setup):
        if setup.plan.epochs < 2:
            raise ValueError(
                "AlternatingFlip mirrors an image in every other epoch, and the run has one. Received: epochs=1. Train "
                "for more, leave it out, or use `kt.RandomFlip()`."
            )
        part = next((trick.name for trick in setup.tricks if overrides(trick, "order")), None)
        if part is not None:
            raise ValueError(
                f"AlternatingFlip would show some images one side alone: {part} leaves images out of an epoch. "
                "Received both. Use `kt.RandomFlip()` in its place."
            )
        if any(trick.name == "RandomFlip" for trick in setup.tricks):
            raise ValueError(
                "AlternatingFlip would have no effect after RandomFlip, which mirrors half of the images anew in each "
                "epoch. Received both. Leave one of them out."
            )

    def draw_for(self, samples, step, plan):
        return {"flip": flipped(samples, step // plan.steps_per_epoch, plan.seed).astype("float32")}

    def batch(self, images, targets, flip):
        chosen = ops.reshape(ops.cast(flip, "bool"), (-1, 1, 1, 1))
        return ops.where(chosen, ops.flip(images, axis=2), images), targets
