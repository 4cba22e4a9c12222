"""A shuffle that repeats: the same order in every epoch."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.diagnosis.sample import apart, passes

BATCHES = 4


def repeats(case: Case) -> Iterator[Finding]:
    """A data set that is shuffled once, and comes in that order in every epoch."""
    dataset = None if case.train is None else case.train.dataset
    if dataset is None:
        return
    module = type(dataset).__module__.partition(".")[0]
    if module == "tensorflow":
        reason, fix = _in_chain(dataset)
    elif isinstance(dataset, keras.utils.PyDataset):
        shuffles = getattr(dataset, "shuffle", None) is True or _overrides(dataset)
        reason = "The data set means to shuffle." if shuffles else ""
        fix = "Draw a new order in on_epoch_begin; or hand arrays to Recipe.fit, which draws one from seed and epoch."
    else:
        return
    if not reason:
        return
    if "cache" in reason:
        seen = "1 cache after a shuffle, and 0 shuffles after it"
    else:
        same = _same(dataset)
        if not same:
            return
        seen = f"the first {same} images of two passes are the same, in the same order"
    yield Finding("shuffle repeats", f"{reason} The order is the same in every epoch.", seen, fix)


def _in_chain(dataset: Any) -> tuple[str, str]:
    """Returns why a pipeline of tf.data repeats its order, and what to do; or nothing."""
    chain, queue = [], [dataset]
    while queue:
        part = queue.pop(0)
        chain.append(part)
        queue += part._inputs()
    cached = False
    for part in chain:  # the last step first
        name = type(part).__name__.strip("_")
        if name == "ShuffleDataset":
            if getattr(part, "_reshuffle_each_iteration", True) is False:
                return "Its shuffle draws one order for all.", ".shuffle(..., reshuffle_each_iteration=True)"
            if cached:
                return "A cache keeps what was shuffled before it.", ".cache().shuffle(...), in this order."
            return "", ""
        cached = cached or name == "CacheDataset"
    return "", ""


def _overrides(dataset: Any) -> bool:
    own = type(dataset)
    return any(
        getattr(own, name) is not getattr(keras.utils.PyDataset, name) for name in ("on_epoch_begin", "on_epoch_end")
    )


def _same(dataset: Any) -> int:
    """Returns the number of images at the beginning of two passes if these are the same, else 0."""
    reader = apart(dataset)
    sides = []
    for _ in range(2):
        batches = passes(reader, "data")
        sides.append(list(itertools.islice(batches, BATCHES)))
        if isinstance(reader, keras.utils.PyDataset):
            reader.on_epoch_end()
    pairs = list(zip(*sides, strict=False))
    same = all(
        a.images.shape == b.images.shape and np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)
        for a, b in pairs
    )
    count = sum(len(a.labels) for a, _ in pairs)
    return count if same and count > 1 and len(pairs) > 1 else 0
