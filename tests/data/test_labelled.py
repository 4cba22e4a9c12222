import numpy as np
import pytest
from PIL import Image

from kerastricks import data
from kerastricks.data import load_for

CLASSES = ("dog", "cat", "bird")  # the order of the model's outputs
DIGITS = tuple("0123456789")


@pytest.fixture
def root(tmp_path, fill):
    """Dogs alone to test on, cats and dogs to validate, all to train on."""
    fill(tmp_path / "pets", {f"train/{label}": 2 for label in CLASSES})
    fill(tmp_path / "pets", {"val/cat": 2, "val/dog": 1, "test/dog": 3})
    Image.new("RGB", (4, 4), (90, 0, 0)).save(tmp_path / "pets" / "val" / "dog" / "0.png")
    return tmp_path / "pets"


@pytest.mark.parametrize(
    ("split", "name", "labels"),
    [
        (None, "test", [0, 0, 0]),
        ("test", "test", [0, 0, 0]),
        ("validation", "validation", [1, 1, 0]),
        ("train", "training", [2, 2, 1, 1, 0, 0]),
        ("all", "all", [2, 2, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0]),
    ],
)
def test_takes_a_split_with_the_labels_of_the_model(root, split, name, labels):
    found = load_for(CLASSES, str(root), split=split)
    assert (found.split, found.labels.tolist(), found.images.shape) == (name, labels, (len(labels), 4, 4, 3))
    assert found.labels.dtype == "int32"
    assert [CLASSES.index(path.split("/")[-2]) for path in found.paths] == labels


def test_images_are_those_of_their_paths(root):
    found = load_for(CLASSES, str(root), split="validation", image_size=6)
    assert found.images[np.arange(3)][:, 0, 0, 0].tolist() == [0, 0, 90]
    assert found.images.shape == (3, 6, 6, 3)
    assert found.paths[2] == str(root / "val" / "dog" / "0.png")


def test_classes_that_the_images_lack_are_said(root):
    assert load_for(CLASSES, str(root)).notes == ("test/ lacks 2 of the 3 classes, cat, bird: they are not scored.",)
    assert load_for(CLASSES, str(root), split="all").notes == ()


def test_the_cache_is_that_of_training_and_other_splits_are_not_decoded(root):
    seen = []
    load_for(CLASSES, str(root), report=lambda done, total: seen.append(total))
    data.load(str(root), report=lambda done, total: seen.append(total))
    load_for(CLASSES, str(root), report=lambda done, total: seen.append(total))
    assert seen == [3, 9]


def test_a_plain_folder_is_taken_whole_one_class_too(root):
    for split in (None, "all"):
        found = load_for(CLASSES, str(root / "val"), split=split)
        assert (found.split, found.labels.tolist()) == ("all", [1, 1, 0])
    assert found.notes == (f"{root}/val lacks 1 of the 3 classes, bird: it is not scored.",)
    assert load_for(CLASSES, str(root / "test")).labels.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="val has no splits, such as train/ and test/. Received: split='test'"):
        load_for(CLASSES, str(root / "val"), split="test")


def test_a_csv_file(root):
    (root / "a.csv").write_text("path,label,split\ntest/dog/0.png,dog,test\nval/cat/0.png,cat,val\n")
    found = load_for(CLASSES, str(root / "a.csv"))
    assert (found.split, found.labels.tolist(), found.paths) == ("test", [0], [str(root / "test/dog/0.png")])


def test_deep_classes(tmp_path, fill):
    fill(tmp_path, {"pet/cat": 1, "pet/dog": 2})
    for deepest in (None, True):
        assert load_for(("pet/dog", "pet/cat"), str(tmp_path), deepest=deepest).labels.tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match="the model: pet/dog, pet/cat. Received: pet"):
        load_for(("pet/dog", "pet/cat"), str(tmp_path), deepest=False)
    (tmp_path / "a.csv").write_text("path,label\npet/cat/0.png,pet/cat\n")
    assert load_for(("pet/dog", "pet/cat"), str(tmp_path / "a.csv")).labels.tolist() == [1]


def test_digits():
    found = load_for(DIGITS, "digits", image_size=8)
    loaded = data.load("digits", seed=0)
    assert np.array_equal(found.images, loaded.validation[0]) and np.array_equal(found.labels, loaded.validation[1])
    said = "Which digits are for validation is by seed 0; another seed chooses others."
    assert (found.split, found.notes) == ("validation", (said,))
    every = load_for(tuple("9876543210"), "digits", split="all")
    assert (len(every.labels), every.paths[-1], every.split) == (1797, "1796", "all")
    assert np.array_equal(9 - every.labels[[int(path) for path in found.paths]], found.labels)
    assert len(load_for(DIGITS, "digits", split="train").labels) == len(loaded.train[1])


def test_names_what_is_wrong(root, tmp_path):
    wrong = [
        (("cat", "bird"), str(root), {}, "pets must be among those of the model: cat, bird. Received: dog. Pass"),
        (
            CLASSES,
            "digits",
            {},
            "the model: dog, cat, bird. Received: 0, 1, 2 and 7 more",
        ),
        (
            DIGITS,
            "digits",
            {"split": "test"},
            "one of: train, validation, all. Received: split='test'",
        ),
        (DIGITS, "digits", {"image_size": 9}, "digits are 8×8. Received: image_size=9"),
        (CLASSES, str(tmp_path / "no"), {}, "no does not exist"),
        (CLASSES, str(tmp_path / "empty"), {}, "empty has no class folders"),
        (CLASSES, str(tmp_path / "hollow"), {}, "hollow has no images"),
    ]
    (tmp_path / "empty").mkdir()
    (tmp_path / "hollow" / "cat").mkdir(parents=True)
    for classes, source, options, message in wrong:
        with pytest.raises(ValueError, match=message):
            load_for(classes, source, **options)
    (root / "val").rename(tmp_path / "val")
    with pytest.raises(ValueError, match="Expected one of: train, test, all. Received: split='validation'"):
        load_for(CLASSES, str(root), split="validation")
