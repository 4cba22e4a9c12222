"""Random numbers that are a pure function of (seed, stream, position), the same on every backend and machine."""

import zlib

import numpy as np


def generator(seed: int, stream: str, position: int) -> np.random.Generator:
    """Returns a Philox generator of NumPy: `stream` names what draws, `position` is its step or epoch.

    The key holds the seed and the stream; the position is the highest word of the counter,
    so that two positions are 2**192 draws apart.
    """
    key = [seed, zlib.crc32(stream.encode())]
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, position]))


def permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    """Returns the order of `size` samples in one epoch."""
    return generator(seed, "order", epoch).permutation(size)
