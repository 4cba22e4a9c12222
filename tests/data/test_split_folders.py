import pytest

from kerastricks import data


@pytest.fixture
def paint(save):
    """Returns a function that puts images into the classes of splits."""

    def images(root, *parts, classes=("a", "b"), count=2):
        for part in parts:
            for label in classes:
                for index in range(count):
                    save(root / part / label / f"{index}.png")

    return images


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        ("Train", "Val"),
        ("training", "validation"),
        ("train", "dev"),
        ("TRAIN", "VALID"),
    ],
)
def test_takes_splits_by_any_of_their_names(tmp_path, train, held_out, paint):
    paint(tmp_path, train, count=3)
    paint(tmp_path, held_out)
    loaded = data.load(str(tmp_path))
    assert (loaded.classes, loaded.own_split) == (("a", "b"), True)
    assert (len(loaded.train[1]), len(loaded.validation[1])) == (6, 4)
    assert (loaded.validation_from, loaded.test, loaded.notes) == (f"{held_out}/", None, ())


@pytest.mark.parametrize(("train", "test"), [("train", "Test"), ("Training", "testing")])
def test_a_third_folder_is_for_tests(tmp_path, train, test, paint):
    paint(tmp_path, train, test, count=3)
    paint(tmp_path, "val")
    paint(tmp_path, "masks", classes=("c",))
    loaded = data.load(str(tmp_path))
    assert (loaded.classes, len(loaded.train[1]), len(loaded.validation[1])) == (("a", "b"), 6, 4)
    assert loaded.test[1].tolist() == [0, 0, 0, 1, 1, 1]
    assert (loaded.validation_from, loaded.notes) == ("val/", ("Not used: masks/.",))


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Training", "Testing")])
def test_the_seed_chooses_where_there_is_no_folder_for_validation(tmp_path, train, test, paint):
    """Of ten images a class in train/, two are to validate; those of test/ are neither."""
    paint(tmp_path, train, count=10)
    paint(tmp_path, test, count=3)
    loaded = data.load(str(tmp_path))
    assert [len(labels) for _, labels in (loaded.train, loaded.validation, loaded.test)] == [16, 4, 6]
    assert (loaded.own_split, loaded.validation_from) == (False, f"a fifth of {train}/, chosen by the seed")
    rows = [set(part[0].indices.tolist()) for part in (loaded.train, loaded.validation, loaded.test)]
    assert rows[0] | rows[1] == set(range(20)) and rows[2] == set(range(20, 26))
    other = data.load(str(tmp_path), seed=1)
    assert rows[1] != set(other.validation[0].indices.tolist())
    assert rows[2] == set(other.test[0].indices.tolist())


def test_a_part_takes_of_the_test_images_too(tmp_path, paint):
    paint(tmp_path, "train", "val", "test", count=10)
    loaded = data.load(str(tmp_path), images=4)
    assert [len(labels) for _, labels in (loaded.train, loaded.validation, loaded.test)] == [4, 4, 4]
    assert loaded.part(4).test[0] is loaded.test[0]


def test_without_splits_the_seed_chooses(tmp_path, paint):
    paint(tmp_path, ".")
    loaded = data.load(str(tmp_path))
    assert (loaded.own_split, loaded.validation_from) == (False, "a fifth of the images, chosen by the seed")
    assert loaded.part(2).validation_from == loaded.validation_from


@pytest.mark.parametrize(
    ("parts", "received"),
    [
        (("fold1", "fold2"), "'fold1', 'fold2'"),
        (("Eval", "train"), "'Eval', 'train'"),
        (("test", "val"), "'test', 'val'"),
        (("train", "training"), "'train', 'training'"),
    ],
)
def test_refuses_what_must_be_splits_and_has_other_names(tmp_path, parts, received, paint):
    paint(tmp_path, *parts)
    expected = rf"one name of .*: train, training; val, valid, validation, dev; test, testing. Received: {received}\."
    with pytest.raises(ValueError, match=expected):
        data.load(str(tmp_path))


@pytest.mark.parametrize("doubled", [("val", "valid"), ("Train", "train"), ("test", "testing")])
def test_refuses_two_folders_for_one_split(tmp_path, doubled, paint):
    paint(tmp_path, "train", "val", *doubled)
    with pytest.raises(ValueError, match=f"Received: '{doubled[0]}', '{doubled[1]}' for the same split"):
        data.load(str(tmp_path))


def test_classes_with_one_common_subfolder_or_different_ones_stay_classes(tmp_path, paint):
    paint(tmp_path / "one", "cat", "dog", classes=("images",))
    assert data.load(str(tmp_path / "one")).classes == ("cat", "dog")
    paint(tmp_path / "two", "cat", classes=("siam", "tabby"))
    paint(tmp_path / "two", "dog", classes=("pug", "tabby"))
    assert data.load(str(tmp_path / "two")).classes == ("cat", "dog")


def test_a_class_may_have_the_name_of_a_split(tmp_path, paint):
    paint(tmp_path, ".", classes=("bus", "train"))
    assert data.load(str(tmp_path)).classes == ("bus", "train")
