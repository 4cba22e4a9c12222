import pytest

from kerastricks.data.division import divide
from kerastricks.data.listing import Listing

NAMES = {"train": "train/", "validation": "val/", "test": "test/"}


def listing(**splits):
    """A listing of so many files a class."""
    made = {
        split: {label: [f"{split}/{label}/{n}" for n in range(count)] for label, count in counts.items()}
        for split, counts in splits.items()
    }
    return Listing("pets", made, {split: NAMES.get(split, "all images") for split in splits}, ["a note"])


def test_splits_that_are_there_are_taken():
    parts = divide(listing(train={"a": 2, "b": 1}, validation={"a": 1, "b": 1}, test={"a": 1, "b": 2}), 0)
    assert (parts.classes, parts.notes) == (("a", "b"), ["a note"])
    assert (parts.own_split, parts.validation_from) == (True, "val/")
    assert [[side.tolist() for side in part] for part in (parts.train, parts.validation, parts.test)] == [
        [[0, 1, 2], [0, 0, 1]],
        [[3, 4], [0, 1]],
        [[5, 6, 7], [0, 1, 1]],
    ]


@pytest.mark.parametrize(
    ("splits", "source"),
    [({"all": {"a": 5, "b": 10}}, "the images"), ({"train": {"a": 5, "b": 10}, "test": {"a": 1}}, "train/")],
)
def test_else_the_seed_takes_a_fifth_of_those_to_train_on(splits, source):
    parts = divide(listing(**splits), 0)
    assert (parts.own_split, parts.validation_from) == (False, f"a fifth of {source}, chosen by the seed")
    assert sorted([*parts.train[0], *parts.validation[0]]) == list(range(15))
    assert parts.validation[1].tolist() == [0, 1, 1]
    assert parts.test is None if "all" in splits else parts.test[0].tolist() == [15]


def test_held_out_images_may_lack_classes_and_keep_the_labels_of_the_others():
    parts = divide(listing(train={"a": 2, "b": 2, "c": 2}, validation={"c": 1, "b": 0}, test={"b": 1, "c": 1}), 0)
    assert (parts.validation[1].tolist(), parts.test[1].tolist()) == ([2], [1, 2])
    assert parts.notes == [
        "a note",
        "val/ lacks 2 of the 3 classes, a, b: they are not scored.",
        "test/ lacks 1 of the 3 classes, a: it is not scored.",
    ]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"all": {"a": 3}}, "pets has one class, 'a'. A classifier needs at least two"),
        ({"train": {"a": 3}, "test": {"a": 1}}, "train/ in pets has one class, 'a'"),
        ({"all": {"a": 3, "b": 0}}, "The class 'b' in pets is empty"),
        ({"train": {"a": 0, "b": 1}, "test": {"a": 1}}, "The class 'a' in train/ in pets is empty"),
        ({"all": {"a": 3, "b": 1}}, "The class 'b' has one image: it needs two"),
        ({"validation": {"a": 3}, "test": {"a": 1}}, "pets has no images to train on. Received: val/, test/"),
        ({"train": {"a": 3, "b": 1}, "validation": {"a": 0}}, "val/ in pets has no images"),
        (
            {"train": {"a": 1, "b": 1}, "validation": {"a": 1}, "test": {"a": 1, "d": 1, "c": 0}},
            "classes of test/ must be among those of train/ in pets. Received in test/ alone: d. Add images of them",
        ),
    ],
)
def test_names_what_is_wrong(splits, message):
    with pytest.raises(ValueError, match=message):
        divide(listing(**splits), 0)
