import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerastricks as kt
from kerastricks.training.batches import DataSetBatches, TrainingBatches, draw
from kerastricks.training.sources import DataSet

NUMBERS = np.arange(10, dtype="uint8").reshape(10, 1, 1, 1)
LABELS = np.arange(10, dtype="int32")


def batches(seed=0, batch_size=4, tricks=()):
    return TrainingBatches(NUMBERS, LABELS, kt.Plan(5, -(-10 // batch_size), batch_size, seed), tricks)


@given(st.integers(0, 2**40), st.integers(1, 12), st.integers(0, 4))
def test_an_epoch_holds_each_sample_once(seed, batch_size, epoch):
    source = batches(seed, batch_size)
    steps = source.plan.steps_per_epoch
    labels = np.concatenate([source[epoch * steps + step][1] for step in range(steps)])
    assert sorted(labels) == list(range(10))


def test_images_stay_with_their_labels():
    inputs, labels = batches()[0]
    assert inputs["images"].ravel().tolist() == labels.tolist()
    assert inputs["images"].dtype == "uint8"


def test_each_epoch_has_its_own_order():
    orders = {tuple(np.concatenate([batches()[epoch * 3 + step][1] for step in range(3)])) for epoch in range(5)}
    assert len(orders) == 5


def test_the_last_batch_of_an_epoch_may_be_smaller():
    assert [len(batches()[step][1]) for step in range(6)] == [4, 4, 2, 4, 4, 2]


def test_a_batch_is_a_function_of_seed_and_step():
    """Whatever was asked for before."""
    source, fresh = batches(tricks=(kt.MixUp(),)), batches(tricks=(kt.MixUp(),))
    for step in (7, 0, 3):
        source[step]
    (inputs, labels), (again, labels_again) = source[5], fresh[5]
    assert np.array_equal(labels, labels_again)
    assert all(np.array_equal(inputs[name], again[name]) for name in inputs)
    assert not np.array_equal(labels, batches(seed=1)[5][1])


def test_draws_travel_under_the_name_of_the_trick():
    inputs, _ = batches(tricks=(kt.LabelSmoothing(), kt.MixUp()))[0]
    assert set(inputs) == {"images", "MixUp/weight", "MixUp/order"}
    assert all(len(value) == 4 for value in inputs.values())


def test_leaving_a_trick_out_changes_no_other_draw(plan):
    class Other(kt.Trick):
        def draw(self, random, size, step, plan):
            return {"number": random.random(size)}

    alone, together = (draw(tricks, 8, 3, plan) for tricks in ((kt.MixUp(),), (Other(), kt.MixUp())))
    assert np.array_equal(alone["MixUp/weight"], together["MixUp/weight"])
    assert np.array_equal(alone["MixUp/order"], together["MixUp/order"])


class Twos(keras.utils.PyDataset):
    """Three batches of two; a new epoch starts ten higher."""

    start = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        numbers = np.arange(2) + 2 * index + self.start
        return numbers.reshape(2, 1, 1, 1).astype("uint8"), numbers

    def on_epoch_end(self):
        self.start += 10


@pytest.mark.parametrize("dataset", [Twos(), [Twos()[index] for index in range(3)]], ids=["PyDataset", "list"])
def test_a_data_set_keeps_its_order_and_gains_draws(dataset):
    source = DataSet(dataset, "train")
    stream = DataSetBatches(source, kt.Plan(2, 3, 2, 0), (kt.MixUp(),), classes=20).generate()
    seen = [next(stream) for _ in range(6)]
    second = 10 if isinstance(dataset, Twos) else 0
    expected = [[0, 1], [2, 3], [4, 5], *([second + n, second + n + 1] for n in (0, 2, 4))]
    assert [labels.tolist() for _, labels in seen] == expected
    assert not np.array_equal(seen[0][0]["MixUp/weight"], seen[3][0]["MixUp/weight"])


def test_labels_of_a_data_set_are_checked():
    with pytest.raises(ValueError, match=r"must lie in .0, 1.*Received: labels from 2 to 2"):
        next(DataSet([(np.zeros((1, 1, 1, 1)), np.array([2]))], "train").epoch(classes=2))


def test_a_data_set_must_yield_pairs():
    with pytest.raises(ValueError, match=r"must yield `\(images, labels\)` batches"):
        next(DataSet([np.zeros(3)], "train").epoch(classes=2))


def test_training_sees_every_step_once_and_in_order():
    """On JAX and PyTorch Keras looks at a batch before it trains; that one must come again."""
    seen = []

    class Spy(kt.Trick):
        def draw(self, random, size, step, plan):
            return {"step": np.full(size, step, "int32")}

    class Recorder(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs):
            return self.dense(keras.ops.reshape(keras.ops.cast(inputs["images"], "float32"), (-1, 1)))

        def train_step(self, *state_and_data):
            inputs, _ = state_and_data[-1]
            seen.append(int(keras.ops.convert_to_numpy(inputs["Spy/step"])[0]))
            return super().train_step(*state_and_data)

    model = Recorder()
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(batches(tricks=(Spy(),)), steps_per_epoch=3, epochs=3, shuffle=False, verbose=0)
    assert seen == list(range(9))


def test_behind_its_end_a_pass_gives_its_last_batch_again():
    """Keras reads ahead; the next pass begins where this one ends."""
    source, whole = batches(), batches()
    source.start, source.stop = 2, 4
    assert [source[index][1].tolist() for index in range(4)] == [whole[step][1].tolist() for step in (2, 3, 3, 3)]
    source.start, source.stop = 4, 6
    assert source[0][1].tolist() == whole[4][1].tolist()
