"""Some of the images of a data set, with their labels; the data set is left as it was."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from kerastricks.training.sources import Batch, DataSet, as_arrays, whole_numbers

IMAGES, LARGE = 256, 64  # images of a sample, and of one of large images
MOST = 1024  # images of a data set of batches that are read


class Sample(NamedTuple):
    """Some images of a data set.

    Attributes:
        images: Some of them, float32, (N, H, W, C).
        labels: Their labels, (N,) or (N, K).
        all_labels: The labels of the whole data set, or None if it was not read to its end.
        arrays: Images and labels of the whole data set where it is of arrays, or None.
        dataset: The caller's data set where it yields batches, or None.
        classes: Names of the classes, where the data set tells them.
    """

    images: np.ndarray
    labels: np.ndarray
    all_labels: np.ndarray | None
    arrays: Batch | None
    dataset: Any
    classes: tuple[str, ...] | None

    @property
    def are_images(self) -> bool:
        """Whether these are images, and not rows of values."""
        return self.images.ndim > 2

    @property
    def numbers(self) -> np.ndarray:
        """The labels as integers."""
        return numbers(self.labels)


def numbers(labels: np.ndarray) -> np.ndarray:
    """Returns labels as integers: of rows of several columns the place of the largest."""
    rows = labels.ndim == 2 and labels.shape[1] > 1
    return (labels.argmax(1) if rows else np.rint(labels.reshape(-1))).astype("int64")


def sample(data: Any, name: str) -> Sample:
    """Returns a sample of what `Recipe.fit` takes as data.

    Args:
        data: Arrays, or a data set of batches.
        name: What an error calls it.

    Raises:
        ValueError: If it is neither, or an iterator, which reading would use up.
    """
    arrays = _arrays(data, name)
    classes = getattr(data, "class_names", None)
    classes = None if classes is None else tuple(map(str, classes))
    if arrays is not None:
        some = spread(len(arrays.labels), _most(arrays.images.shape))
        images = np.asarray(arrays.images[some]).astype("float32")
        return Sample(images, arrays.labels[some], arrays.labels, arrays, None, classes)
    dataset = apart(data)
    batches, read, whole = [], 0, True
    for batch in passes(dataset, name):
        if read >= MOST:
            whole = False
            break
        batches.append(batch)
        read += len(batch.labels)
    if not batches:
        raise ValueError(f"The data set of `{name}` is empty: it gave no batch.")
    labels = np.concatenate([batch.labels for batch in batches])
    most = _most((0, *batches[0].images.shape[1:]))
    images = np.concatenate([np.asarray(batch.images, "float32") for batch in batches[:most]])[:most]
    return Sample(images, labels[: len(images)], labels if whole else None, None, data, classes)


def _arrays(data: Any, name: str) -> Batch | None:
    """Returns data of arrays, also where they are no images (N, H, W, C); None for a data set of batches."""
    try:
        return as_arrays(data, name)
    except ValueError:
        if not isinstance(data, tuple | list) or not all(isinstance(side, np.ndarray) for side in data[:2]):
            raise
        if len(data) < 2 or data[0].ndim < 2 or data[0].dtype.kind not in "biuf" or len(data[0]) != len(data[1]):
            raise
        return Batch(data[0], whole_numbers(data[1]))


def spread(count: int, most: int) -> np.ndarray:
    """Returns up to `most` indices from all over `count`."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(int))


def _most(shape: tuple[int, ...]) -> int:
    return IMAGES if np.prod(shape[1:]) <= 64 * 64 * 3 else LARGE


def apart(dataset: Any) -> Any:
    """Returns a data set that can be read without a change of the caller's: a copy of a `PyDataset`.

    Raises:
        ValueError: If reading would use it up, or it cannot be copied.
    """
    if not isinstance(dataset, keras.utils.PyDataset):
        if not hasattr(dataset, "__iter__") or iter(dataset) is dataset:
            raise ValueError("it can be read once only, and that is for the training")
        return dataset
    try:
        return copy.deepcopy(dataset)
    except Exception as error:
        raise ValueError(f"its data set cannot be copied: {type(error).__name__}") from error


def passes(dataset: Any, name: str) -> Iterator[Batch]:
    """Yields the batches of a pass of a data set, each checked for its form but not for its labels."""
    reader = DataSet(dataset, name)
    if not isinstance(dataset, keras.utils.PyDataset):
        yield from map(reader._batch, iter(dataset))
        return
    dataset.on_epoch_begin()
    count = dataset.num_batches
    yield from (reader._batch(dataset[index]) for index in (itertools.count() if count is None else range(count)))
    dataset.on_epoch_end()
