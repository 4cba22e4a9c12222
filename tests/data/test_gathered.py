import os

import numpy as np
import pytest
from PIL import Image

from kerastricks.data import cache, decode, load, load_for


@pytest.fixture
def root(tmp_path):
    """Of each class, ten JPEG files of noise, 0.jpg to 9.jpg: six to train on, four to validate."""
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        for index in range(10):
            path = tmp_path / "pets" / ("train" if index < 6 else "val") / label / f"{index}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (16, 16, 3), "uint8")).save(path)
    return tmp_path / "pets"


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def empty(path):
    path.write_bytes(b"")


def names(loaded, root):
    return [
        (os.path.relpath(path, root), reason.partition(",")[0].partition(":")[0]) for path, reason in loaded.set_aside
    ]


def test_all_headers_are_told_before_anything_is_decoded(root, monkeypatch):
    for name in ("train/cat/1.jpg", "train/dog/0.jpg", "train/dog/1.jpg", "val/dog/9.jpg"):
        empty(root / name)
    monkeypatch.setattr(cache, "decode", None)
    with pytest.raises(ValueError) as caught:
        load(str(root), allow_bad="3")
    first, *files, last = str(caught.value).splitlines()
    assert first == f"Cannot read 4 of 20 files in {root}: 3 of class dog, 1 of class cat."
    assert files == [
        f"  {root}/{name}: it is no image, but empty"
        for name in ("train/cat/1.jpg", "train/dog/0.jpg", "train/dog/1.jpg", "val/dog/9.jpg")
    ]
    assert last.endswith("allow_bad=3 allows 3 of 20.")
    cut(root / "val" / "cat" / "6.jpg")  # which its header does not tell, but its end
    with pytest.raises(ValueError, match="Cannot read 5 of 20 files"):
        load(str(root), allow_bad="3")


def test_what_cannot_be_decoded_is_told_at_once_and_the_others_are_kept(root, monkeypatch):
    empty(root / "val" / "cat" / "7.jpg")
    for name in ("train/cat/0.jpg", "train/dog/5.jpg"):
        cut(root / name)
    with pytest.raises(ValueError, match=r"Cannot read 3 of 20 files .*: 2 of class cat, 1 of class dog\.\n") as caught:
        load(str(root), allow_bad="1")
    assert [line.partition(":")[0][-5:] for line in str(caught.value).splitlines()[1:4]] == ["0.jpg", "5.jpg", "7.jpg"]
    counts = []
    load(str(root), allow_bad="3", report=lambda done, total: counts.append(total))
    assert counts == [2]  # those that are bad are tried again, and no other
    for name in ("val/cat/7.jpg", "train/cat/0.jpg", "train/dog/5.jpg"):
        (root / name).unlink()
    monkeypatch.setattr(cache, "decode", None)
    assert len(load(str(root)).train[1]) == 10


def test_bad_files_are_set_aside_with_their_labels(root):
    whole = load(str(root))
    expected = {label: whole.train[0][np.flatnonzero(whole.train[1] == label)] for label in (0, 1)}
    empty(root / "train" / "cat" / "1.jpg")
    empty(root / "val" / "dog" / "9.jpg")
    cut(root / "train" / "dog" / "0.jpg")
    loaded = load(str(root), allow_bad="15%")
    assert names(loaded, root) == [
        ("train/cat/1.jpg", "it is no image"),
        ("train/dog/0.jpg", "Premature end of JPEG file"),
        ("val/dog/9.jpg", "it is no image"),
    ]
    assert [len(labels) for _, labels in (loaded.train, loaded.validation)] == [10, 7]
    assert loaded.counts() == {"cat": 5, "dog": 5}
    for label, gone in ((0, 1), (1, 0)):
        images = loaded.train[0][np.flatnonzero(loaded.train[1] == label)]
        assert np.array_equal(images, np.delete(expected[label], gone, axis=0))
    assert loaded.notes == (
        f"Set aside, for they are bad, 3 of 20 files: {root}/train/cat/1.jpg (it is no image, but empty), "
        f"{root}/train/dog/0.jpg ({loaded.set_aside[1][1]}), {root}/val/dog/9.jpg (it is no image, but empty).",
    )


def test_the_split_is_that_of_the_folder_without_them(root):
    """As if the bad files had never been there."""
    folder = root / "train"
    for name in ("cat/extra.jpg", "dog/00.jpg"):
        (folder / name).write_text("no image")
    (folder / "dog" / "half.jpg").write_bytes((folder / "dog" / "0.jpg").read_bytes()[:-40])
    loaded = load(str(folder), allow_bad="3")
    for name in ("cat/extra.jpg", "dog/00.jpg", "dog/half.jpg"):
        (folder / name).unlink()
    clean = load(str(folder))
    for part, other in ((loaded.train, clean.train), (loaded.validation, clean.validation)):
        assert np.array_equal(part[1], other[1])
        every = np.arange(len(part[1]))
        assert np.array_equal(part[0][every], other[0][every])


def test_a_class_without_an_image_is_an_error(root):
    for index in range(6):
        empty(root / "train" / "dog" / f"{index}.jpg")
    expected = (
        r"The class 'dog' in .*pets has no image left, for its files are bad: .*/0.jpg, .*/1.jpg, .*and 3 more. Add"
    )
    with pytest.raises(ValueError, match=expected):
        load(str(root), allow_bad="100%")


def test_a_class_with_one_left_is_an_error_where_the_seed_splits(root):
    for index in range(5):
        empty(root / "train" / "dog" / f"{index}.jpg")
    with pytest.raises(ValueError, match="The class 'dog' has one image: it needs two"):
        load(str(root / "train"), allow_bad="5")


def test_no_good_file_is_an_error(root):
    for path in (root / "val").rglob("*.jpg"):
        empty(path)
    with pytest.raises(ValueError, match="has no image: all of its 8 files are bad"):
        load_for(("cat", "dog"), str(root), allow_bad="100%")


def test_for_a_model_a_class_may_be_left_without_an_image(root):
    for index in range(6):
        empty(root / "train" / "dog" / f"{index}.jpg")
    loaded = load_for(("cat", "dog"), str(root / "train"), allow_bad="6")
    assert (loaded.split, loaded.labels.tolist()) == ("all", [0] * 6)
    assert loaded.notes[0] == f"{root}/train lacks 1 of the 2 classes, dog: it is not scored."


def test_a_held_out_class_without_an_image_is_said(root):
    for index in range(6, 10):
        empty(root / "val" / "dog" / f"{index}.jpg")
    assert load(str(root), allow_bad="4").notes[0] == "val/ lacks 1 of the 2 classes, dog: it is not scored."


@pytest.mark.parametrize("source", ["digits", "root"])
def test_a_wrong_setting_is_said_first(root, source):
    with pytest.raises(ValueError, match="allow_bad"):
        load("digits" if source == "digits" else str(root), allow_bad="some")


def test_for_a_model_only_the_files_of_the_split_count(root):
    empty(root / "train" / "cat" / "0.jpg")
    cut(root / "train" / "cat" / "1.jpg")
    loaded = load_for(("dog", "cat"), str(root))
    assert (loaded.split, loaded.set_aside, len(loaded.paths)) == ("validation", (), 8)
    empty(root / "val" / "cat" / "6.jpg")
    cut(root / "val" / "dog" / "6.jpg")
    with pytest.raises(ValueError, match="Cannot read 2 of 8 files"):
        load_for(("dog", "cat"), str(root))
    loaded = load_for(("dog", "cat"), str(root), allow_bad="25%")
    assert [path for path, _ in loaded.set_aside] == [str(root / "val/cat/6.jpg"), str(root / "val/dog/6.jpg")]
    assert [path[len(str(root)) :] for path in loaded.paths] == [
        f"/val/{label}/{index}.jpg" for label in ("cat", "dog") for index in (7, 8, 9)
    ]
    assert loaded.labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert np.array_equal(loaded.images[np.array([5])][0], decode.decode(root / "val/dog/9.jpg", 16))
    assert loaded.notes[0].startswith("Set aside, for they are bad, 2 of 8 files: ")
    with pytest.raises(ValueError, match="`allow_bad` is for folders. Received: allow_bad='1' with digits"):
        load_for(tuple("0123456789"), "digits", allow_bad="1")


def test_without_a_cache_files_that_are_cut_short_are_found_before_training(root):
    cut(root / "train" / "cat" / "0.jpg")
    with (root / "train" / "cat" / "1.jpg").open("ab") as file:
        file.write(b"what a camera adds")
    with pytest.warns(UserWarning, match="more than the cache may"), pytest.raises(ValueError, match="Cannot decode"):
        load(str(root), cache_size=0.0)
    with pytest.warns(UserWarning, match="more than the cache may"):
        loaded = load(str(root), cache_size=0.0, allow_bad="1")
    assert names(loaded, root) == [("train/cat/0.jpg", "Premature end of JPEG file")]
    cached = load(str(root), allow_bad="1")
    every = np.arange(11)
    assert np.array_equal(loaded.train[0][every], cached.train[0][every])


def test_a_file_that_cannot_be_read_in_a_run_is_tried_three_times(root, monkeypatch):
    """Away for a moment it is read again, and the images are in their order; gone for good it is named."""
    waited = []
    monkeypatch.setattr(decode, "PAUSES", (0.01, 0.02))
    with pytest.warns(UserWarning, match="more than the cache may"):
        images, _ = load(str(root), cache_size=0.0).train
    expected = images[np.array([3, 1, 0])]
    path, away = root / "train" / "cat" / "1.jpg", root.parent / "away"
    path.rename(away)

    def back(seconds):
        waited.append(seconds)
        if len(waited) == 2:
            away.rename(path)

    monkeypatch.setattr(decode.time, "sleep", back)
    assert np.array_equal(images[np.array([3, 1, 0])], expected)
    assert waited == [0.01, 0.02]
    path.unlink()
    with pytest.raises(ValueError, match=r"1.jpg: No such file or directory, at the third try too\. Remove"):
        images[np.array([3, 1, 0])]
    assert waited == [0.01, 0.02, 0.01, 0.02]
