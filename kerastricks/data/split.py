"""A seeded split that keeps the proportions of the classes."""

import numpy as np

from kerastricks.data.randomness import generator


def by_seed(whole: str = "the images") -> str:
    """Returns in words where validation images come from that the seed takes from `whole`."""
    return f"a fifth of {whole}, chosen by the seed"


def stratified_split(labels: np.ndarray, seed: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices for training and for validation, both sorted.

    Of each class, the fraction `share` goes to validation, rounded, with at least one sample on either side.

    Raises:
        ValueError: If a class has fewer than two samples.
    """
    validation = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise ValueError(f"Class {label} has a single sample: it cannot be split into training and validation.")
        count = min(max(1, round(share * len(members))), len(members) - 1)
        validation.append(generator(seed, "split", int(label)).permutation(members)[:count])
    chosen = np.sort(np.concatenate(validation))
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen
