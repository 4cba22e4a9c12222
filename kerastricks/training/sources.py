"""What users bring as data, in one form: arrays, or a data set of batches."""

import itertools
import math
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, NamedTuple

import keras
import numpy as np

from kerastricks.training.checks import check_images, check_labels, check_weights

# Keys of batches that are dictionaries, as those of TensorFlow Datasets and Hugging Face.
_IMAGES, _LABELS = ("image", "images", "img", "pixel_values"), ("label", "labels")


class Batch(NamedTuple):
    """Images (N, H, W, C), labels (N,) or (N, K), and the weight of each sample in the loss, or None.

    The images of a whole data set need be no array in memory: `images[indices]` returns those at an array of indices.
    """

    images: Any
    labels: np.ndarray
    weights: np.ndarray | None = None


def as_arrays(data: Any, name: str, sample_weight: Any = None) -> Batch | None:
    """Returns data of arrays, or None if it is a data set of batches.

    Args:
        data: `(images, labels)` or `(images, labels, sample_weight)`: arrays or tensors of NumPy, JAX, TensorFlow or
            PyTorch, images also as a data set of h5py or Zarr; or a dictionary of them.
        name: What an error calls the data.
        sample_weight: Weights of the samples, beside `data`.

    Raises:
        ValueError: If images, labels and weights do not fit together.
    """
    if isinstance(data, Mapping):
        data = _from_dictionary(data, name)
    if not isinstance(data, tuple | list) or len(data) not in (2, 3) or isinstance(data[0], tuple | list | Mapping):
        return None  # the last: a list of batches
    if len(data) == 3 and sample_weight is not None:
        raise ValueError(f"`{name}` holds sample weights already. Leave `sample_weight` out.")
    images, labels, weights = (*data, sample_weight)[:3]
    images = images if _is_stored(images) else _array(images)
    images = _Stored(images) if _is_stored(images) and not _indexes_by_arrays(images) else images
    check_images(images, name)
    labels = whole_numbers(_array(labels))
    if images.shape[0] != len(labels) or not len(labels):
        raise ValueError(
            f"`{name}` must hold one label per image, and at least one image. "
            f"Received: {images.shape[0]} images and {len(labels)} labels"
        )
    return Batch(images, labels, None if weights is None else check_weights(_array(weights), len(labels), name))


def whole_numbers(labels: np.ndarray) -> np.ndarray:
    """Returns integer labels that came as floats, as Keras' binary labels do, as integers; others as they are."""
    single = labels.ndim == 1 or labels.shape[1:] == (1,)
    if single and np.issubdtype(labels.dtype, np.floating) and np.all(labels == np.rint(labels)):
        return labels.astype("int32")
    return labels


class DataSet:
    """A user's data set of batches, pass after pass, each batch checked.

    Args:
        dataset: A `tf.data.Dataset`, `DataLoader`, `PyDataset` or any iterable of batches: `(images, labels)`,
            `(images, labels, sample_weight)` or dictionaries such as `{"image": ..., "label": ...}`.
        name: What an error calls it.
    """

    def __init__(self, dataset: Any, name: str):
        self.dataset, self.name = dataset, name
        self._passes = 0
        self._peeked: list[Any] = []

    @property
    def length(self) -> float | None:
        """Batches of one pass: a number, infinity for a data set without an end, or None where it does not say."""
        try:
            if not isinstance(self.dataset, keras.utils.PyDataset):
                return len(self.dataset)
            return math.inf if self.dataset.num_batches is None else self.dataset.num_batches
        except NotImplementedError:
            return None
        except TypeError as error:  # that of an endless `tf.data.Dataset` says so
            return math.inf if "infinite" in str(error) else None

    def first(self) -> Batch:
        """Returns the first batch; the next pass begins with it all the same.

        Raises:
            ValueError: If there is none.
        """
        if self._peeked:
            return self._batch(self._peeked[0])
        if isinstance(self.dataset, keras.utils.PyDataset) and self.dataset.num_batches != 0:
            return self._batch(self.dataset[0])
        iterator = iter(()) if isinstance(self.dataset, keras.utils.PyDataset) else iter(self.dataset)
        found = next(iterator, None)
        if found is None:
            raise ValueError(f"The data set of `{self.name}` is empty: it gave no batch.")
        if iterator is self.dataset:  # used up by looking at it
            self._peeked = [found]
        return self._batch(found)

    def epoch(self, classes: int) -> Iterator[Batch]:
        """Yields the batches of one pass.

        Raises:
            ValueError: If there is none, as when a generator is used up, or a batch does not fit.
        """
        self._passes += 1
        empty = True
        for raw in itertools.chain(self._peeked, self._raw()):
            empty = False
            batch = self._batch(raw)
            check_labels(batch.labels, classes, self.name)
            yield batch
        self._peeked = []
        if empty:
            raise ValueError(
                f"The data set of `{self.name}` gave no batch in its pass {self._passes}. A generator can be used up: "
                "pass what can be iterated again and again (tf.data, DataLoader, PyDataset), or arrays."
            )

    def _raw(self) -> Iterator:
        if not isinstance(self.dataset, keras.utils.PyDataset):
            yield from iter(self.dataset)
            return
        self.dataset.on_epoch_begin()
        count = self.dataset.num_batches
        for number, batch in enumerate(
            _in_order(self.dataset, itertools.count() if count is None else range(count)), 1
        ):
            if number == count:  # now: whether the pass is asked for more is up to others
                self.dataset.on_epoch_end()
            yield batch

    def _batch(self, raw: Any) -> Batch:
        parts = _from_dictionary(raw, self.name) if isinstance(raw, Mapping) else raw
        if not isinstance(parts, tuple | list) or len(parts) not in (2, 3):
            raise ValueError(
                f"A data set must yield `(images, labels)` batches. Received: {type(raw).__name__} in `{self.name}`."
            )
        images, labels, *weights = map(_array, parts)
        check_images(images, self.name)
        given = check_weights(weights[0], len(images), self.name) if weights else None
        return Batch(images, whole_numbers(labels), given)


def _in_order(dataset: Any, indices: Any) -> Iterator:
    """Yields the batches of a `PyDataset`, made ahead by its workers, as Keras does."""
    workers = dataset.workers or 1
    if workers < 2:
        yield from (dataset[index] for index in indices)
        return
    pool: Executor
    pool = ProcessPoolExecutor(workers) if dataset.use_multiprocessing else ThreadPoolExecutor(workers)
    waiting: deque = deque()
    try:
        for index in indices:
            waiting.append(pool.submit(dataset.__getitem__, index))
            if len(waiting) >= max(workers, dataset.max_queue_size):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _from_dictionary(data: Mapping, name: str) -> tuple:
    found = []
    for keys in (_IMAGES, _LABELS):
        known = [key for key in keys if key in data]
        if len(known) != 1:
            raise ValueError(
                f"A dictionary of `{name}` must have one of the keys {', '.join(keys)}. Received: {', '.join(data)}."
            )
        found.append(data[known[0]])
    return (*found, data["sample_weight"]) if "sample_weight" in data else tuple(found)


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # PyTorch's, perhaps on a GPU
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    return np.asarray(value)


def _is_stored(images: Any) -> bool:
    """Tells whether images are read where they are asked for: ours, or those of h5py and Zarr."""
    module = type(images).__module__.partition(".")[0]
    return module in ("kerastricks", "h5py", "zarr") or (
        hasattr(images, "shape") and hasattr(images, "__getitem__") and not hasattr(images, "__array__")
    )


def _indexes_by_arrays(images: Any) -> bool:
    return type(images).__module__.partition(".")[0] not in ("h5py", "zarr")


class _Stored:
    """Images of h5py or Zarr, read in the order in which they are stored."""

    def __init__(self, images: Any):
        self.images, self.shape, self.dtype = images, tuple(images.shape), images.dtype

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        stored, back = np.unique(indices, return_inverse=True)
        return np.asarray(getattr(self.images, "oindex", self.images)[stored])[back]
