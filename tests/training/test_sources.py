"""What users bring: on every way in the same checks and the same words."""

import itertools
import math

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.training.fit import Source
from kerastricks.training.sources import DataSet, as_arrays

RUN = {"epochs": 2, "batch_size": 8, "verbose": 0}
RECIPE = kt.Recipe((kt.LabelSmoothing(),), learning_rate=0.01)


class Batches(keras.utils.PyDataset):
    """Batches of eight of the arrays it is given."""

    def __init__(self, *arrays, **settings):
        super().__init__(**settings)
        self.arrays, self.begun = arrays, 0

    def __len__(self):
        return len(self.arrays[0]) // 8

    def on_epoch_begin(self):
        self.begun += 1

    def __getitem__(self, index):
        return tuple(array[8 * index : 8 * index + 8] for array in self.arrays)


def ways_in(images, labels):
    """The same data as arrays and as data sets."""
    ones = np.ones(len(labels), "float32")
    found = {"arrays": (images, labels), "(x, y, w)": (images, labels, ones), "PyDataset": Batches(images, labels)}
    found["PyDataset (x, y, w)"] = Batches(images, labels, ones)
    found["dictionary"] = {"image": images, "label": labels}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        found["tf.data"] = tf.data.Dataset.from_tensor_slices((images, labels)).batch(8)
        found["TFDS"] = tf.data.Dataset.from_tensor_slices({"image": images, "label": labels}).batch(8)
        found["tensors"] = tf.constant(images), tf.constant(labels)
    if keras.backend.backend() == "torch":
        import torch

        pair = torch.from_numpy(images), torch.from_numpy(np.asarray(labels))
        found["DataLoader"] = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*pair), batch_size=8)
        found["tensors"] = pair
    if keras.backend.backend() == "jax":
        import jax.numpy as jnp

        found["tensors"] = jnp.asarray(images), jnp.asarray(labels)
    return found


WAYS = list(ways_in(np.zeros((8, 8, 8, 3), "uint8"), np.zeros(8, "int32")))


SPOILED = [
    (lambda labels: np.where(labels == 2, -1, labels), r"must lie in \[0, 2\].*Received: labels from -1 to 1"),
    (lambda labels: labels + 1, "Received: labels from . to 3"),
    (lambda labels: np.ones((len(labels), 3), "int32"), "must be a distribution"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("spoil", "message"), SPOILED, ids=["-1", "K", "multi-hot"])
def test_labels_are_checked(way, spoil, message, images):
    pixels, labels = (part[:24] for part in images)
    bad = ways_in(pixels, spoil(labels).astype("int32"))[way]
    with pytest.raises(ValueError, match=message):
        source = Source(bad, None, 0.0, None, None)
        source.check(3)
        batches = source.training(kt.Plan(1, 3, 8), (), 3)
        list(itertools.islice(batches.generate(), 3))
    with pytest.raises(ValueError, match=message):
        source = Source((pixels, labels), bad, 0.0, None, None)
        source.check(3)
        list(source.validation(8, 3).generate())


def test_validation_labels_stop_the_run(model, images):
    pixels, labels = (part[:24] for part in images)
    with pytest.raises(ValueError, match="The labels of `validation_data` must lie in"):
        RECIPE.fit(model, (pixels, labels), validation_data=Batches(pixels, labels + 1), **RUN)
    assert np.isfinite(model.predict(pixels, verbose=0)).all()  # the network is still there, on JAX too
    with pytest.raises(ValueError, match="The labels of `x` must lie in"):
        RECIPE.compile(model, kt.Plan(1, 3, 8)).evaluate(Batches(pixels, labels + (np.arange(24) > 16)), verbose=0)
    assert np.isfinite(model.predict(pixels, verbose=0)).all()


def test_all_ways_in_validate_alike(model, plan, images):
    pixels, labels = (part[:24] for part in images)
    engine = RECIPE.compile(model, plan)
    expected = engine.evaluate(pixels, labels, batch_size=8, verbose=0)
    for way, data in ways_in(pixels, labels).items():
        found = engine.evaluate(Source((pixels, labels), data, 0.0, None, None).validation(8, 3), verbose=0)
        assert found == pytest.approx(expected, rel=1e-4), way


@pytest.mark.parametrize("labels", [[0.0, 2.0], [[0.0], [2.0]]])
def test_whole_floats_are_labels(labels):
    found = as_arrays((np.zeros((2, 1, 1, 1)), np.array(labels)), "train").labels
    assert (found.ravel().tolist(), found.dtype) == ([0, 2], "int32")


def test_stored_images_are_read_in_their_order():
    class Stored:
        __module__ = "h5py"
        shape, dtype = (10, 1, 1, 1), np.dtype("uint8")

        def __getitem__(self, indices):
            assert (np.diff(indices) > 0).all()  # h5py refuses all else
            return np.asarray(indices, "uint8").reshape(-1, 1, 1, 1)

    images = as_arrays((Stored(), np.zeros(10, "int32")), "train").images
    assert images[np.array([7, 2, 7, 0])].ravel().tolist() == [7, 2, 7, 0]


def test_files_of_h5py_train(tmp_path, model, images):
    import h5py  # Keras brings it

    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"], file["labels"] = images
        history = RECIPE.fit(model, (file["images"], file["labels"]), **RUN)
    assert np.isfinite(history.history["loss"]).all()


def test_a_generator_that_is_used_up_says_so(model, images):
    class Once:
        """A generator with a length."""

        def __init__(self, batches):
            self.batches = iter(batches)

        def __len__(self):
            return 3

        def __iter__(self):
            return self.batches

    pixels, labels = images
    once = Once([(pixels[n : n + 8], labels[n : n + 8]) for n in (0, 8, 16)])
    with pytest.raises(ValueError, match="gave no batch in its pass 2. A generator can be used up"):
        RECIPE.fit(model, once, epochs=2, verbose=0)


def test_an_empty_loader_says_so(model):
    with pytest.raises(ValueError, match="The data set of `train` is empty"):
        RECIPE.fit(model, [], epochs=1)


def test_a_first_batch_that_is_looked_at_is_not_lost():
    batches = [(np.full((1, 1, 1, 1), n), np.array([0])) for n in range(3)]
    source = DataSet(iter(batches), "train")
    assert [source.first().images.item() for _ in range(2)] == [0, 0]
    assert [batch.images.item() for batch in source.epoch(2)] == [0, 1, 2]


class Endless(keras.utils.PyDataset):
    num_batches = None
    ended = 0

    def __getitem__(self, index):
        return np.zeros((1, 2, 2, 3), "uint8"), np.array([0])

    def on_epoch_end(self):
        self.ended += 1


def test_a_pass_has_ended_with_its_last_batch():
    """Whoever takes no more than there are does not ask for one more."""
    dataset = Endless()
    dataset.num_batches = 2
    batches = DataSet(dataset, "train").epoch(1)
    assert (next(batches) is not None, dataset.ended) == (True, 0)
    assert (next(batches) is not None, dataset.ended) == (True, 1)
    assert (next(batches, None), dataset.ended) == (None, 1)


@pytest.mark.parametrize(
    ("dataset", "length"),
    [([1, 2, 3], 3), (iter([1]), None), (Endless(), math.inf), (Batches(np.zeros((8, 1, 1, 1)), np.zeros(8)), 1)],
)
def test_a_data_set_says_its_length_or_that_it_has_none(dataset, length):
    assert DataSet(dataset, "train").length == length


def test_a_data_set_without_an_end_is_refused(model, images):
    with pytest.raises(ValueError, match="must know its length.*Endless without one. Pass `steps_per_epoch`"):
        kt.Recipe().fit(model, Endless(), epochs=1, verbose=0)
    with pytest.raises(ValueError, match="The data set of `validation_data` has no end"):
        kt.Recipe().fit(model, images, validation_data=Endless(), epochs=1, batch_size=8, verbose=0)


def test_workers_make_batches_ahead_and_in_order():
    """Each of eight batches waits until all are asked for: one after the other they would never come."""
    import threading

    asked = threading.Barrier(8)

    class Slow(Batches):
        def __getitem__(self, index):
            asked.wait(timeout=60)
            return super().__getitem__(index)

    data = np.arange(64, dtype="uint8").reshape(64, 1, 1, 1), np.zeros(64, "int32")
    source = Slow(*data, workers=8)
    seen = [batch.images[0].item() for batch in DataSet(source, "train").epoch(2)]
    assert seen == [0, 8, 16, 24, 32, 40, 48, 56]
    assert source.begun == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"pixels": 1, "label": 2}, "must have one of the keys image, images.*Received: pixels, label"),
        ((np.zeros((2, 1, 1, 1)), [0, 1], [1.0]), r"one finite number of at least 0 per image.*shape=\(1,\)"),
        ((np.zeros((2, 1, 1, 1)), [0, 1], [1.0, -1.0]), "one finite number of at least 0"),
    ],
)
def test_refuses_what_does_not_fit(data, message):
    with pytest.raises(ValueError, match=message):
        as_arrays(data, "train")
