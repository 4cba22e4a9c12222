import hashlib
import os
import zlib

import numpy as np
import pytest
from PIL import Image

from kerastricks import data
from kerastricks.commands.task import TrainTask
from kerastricks.commands.train import train


def paint(path, colour=(10, 200, 30), size=(12, 12)):
    """Saves an image of one colour, but for a pixel in the corner: no two are the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, colour)
    picture.putpixel((size[0] - 1, size[1] - 1), tuple(zlib.crc32(str(path).encode()).to_bytes(4, "big")[:3]))
    picture.save(path)


@pytest.fixture
def root(tmp_path):
    """Five cats and ten dogs, all of one colour a class."""
    for index in range(5):
        paint(tmp_path / "pets" / "cat" / f"{index}.png", (200, 0, 0))
    for index in range(10):
        paint(tmp_path / "pets" / "dog" / f"{index}.png", (0, 0, 200))
    return tmp_path / "pets"


def test_loads_classes_in_the_order_of_their_names(root):
    loaded = data.load(str(root))
    assert (loaded.name, loaded.classes, loaded.image_shape) == ("pets", ("cat", "dog"), (12, 12, 3))
    images, labels = loaded.train
    assert images[np.arange(3)].dtype == "uint8"
    assert images[np.flatnonzero(labels == 0)][0, 0, 0].tolist() == [200, 0, 0]


def test_splits_a_fifth_of_each_class_by_the_seed(root):
    loaded = data.load(str(root), seed=1)
    assert np.bincount(loaded.train[1]).tolist() == [4, 8]
    assert np.bincount(loaded.validation[1]).tolist() == [1, 2]
    assert not np.array_equal(loaded.validation[0].indices, data.load(str(root), seed=2).validation[0].indices)


def test_passes_over_what_desktops_leave_behind(root):
    (root / "__MACOSX").mkdir()
    (root / ".git").mkdir()
    (root / "cat" / ".DS_Store").write_text("x")
    (root / "cat" / "Thumbs.db").write_text("x")
    assert data.load(str(root)).classes == ("cat", "dog")


@pytest.mark.parametrize(("size", "expected"), [((12, 12), 12), ((12, 10), 224)])
def test_the_size_is_the_images_own_if_all_are_equal_squares(tmp_path, size, expected):
    for label in ("a", "b"):
        for index in range(2):
            paint(tmp_path / label / f"{index}.png", size=size)
    assert data.load(str(tmp_path)).image_shape == (expected, expected, 3)
    assert data.load(str(tmp_path), image_size=9).image_shape == (9, 9, 3)


@pytest.mark.slow
def test_the_users_folder_is_only_read(root, tmp_path, monkeypatch):
    """Names, times and contents are the same after a run, a bad file and all."""

    def digest():
        return {
            path: (path.stat().st_mtime_ns, path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest())
            for path in [root, *root.rglob("*")]
        }

    (root / "dog" / "notes.txt").write_text("no image")
    before = digest()
    with pytest.raises(ValueError, match="notes.txt: it is no image"):
        data.load(str(root))
    data.load(str(root), allow_bad="1")
    assert digest() == before
    (root / "dog" / "notes.txt").unlink()
    before = digest()
    monkeypatch.chdir(tmp_path)
    train(TrainTask(str(root), epochs=1))
    assert (tmp_path / "runs" / "pets-1" / "model.keras").is_file()
    assert digest() == before


def empty_class(root):
    (root / "bird").mkdir()


def text_file(root):
    (root / "cat" / "notes.jpg").write_text("no image")


def cut_short(root):
    path = root / "cat" / "cut.jpg"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:600])


def one_class(root):
    (root / "cat").rename(root.parent / "cat")


def no_class(root):
    one_class(root)
    (root / "dog").rename(root.parent / "dog")


def one_image(root):
    paint(root / "bird" / "0.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (empty_class, "The class 'bird' in .* is empty"),
        (text_file, r"Cannot read .*notes.jpg: it is no image"),
        (cut_short, r"Cannot decode .*cut.jpg"),
        (one_class, "has one class, 'dog'"),
        (no_class, "has no class folders"),
        (one_image, "The class 'bird' has one image"),
    ],
)
def test_names_what_is_wrong(root, spoil, message):
    spoil(root)
    with pytest.raises(ValueError, match=message):
        data.load(str(root))


def test_says_how_many_files_needed_the_tolerant_decoder(root):
    for index in range(2):
        path = root / "cat" / f"odd{index}.jpg"
        Image.effect_noise((12, 12), 50).save(path)
        path.write_bytes(path.read_bytes().replace(b"JFIF\0\1\1", b"JFIF\0\0\0"))
        loaded = data.load(str(root))
        plural = "s" * index
        assert loaded.notes == (f"{index + 1} JPEG file{plural} needed Pillow's more tolerant decoder.",)
        assert len(loaded.tolerated) == index + 1
        assert data.load(str(root)).notes == loaded.notes  # now from the cache


def test_refuses_a_path_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="nowhere does not exist. Pass `digits`"):
        data.load(str(tmp_path / "nowhere"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file is a file"):
        data.load(str(tmp_path / "file"))


def test_images_come_in_the_order_of_their_names(tmp_path):
    """Grey levels 10, 20, … of files 1, 2, …: each class in order, and the classes one after the other."""
    for label, first in (("a", 0), ("b", 100)):
        (tmp_path / "train" / label).mkdir(parents=True)
        (tmp_path / "val" / label).mkdir(parents=True)
        for number in (3, 1, 2):
            picture = Image.new("RGB", (8, 8), (first + 10 * number,) * 3)
            for split in ("train", "val"):
                picture.save(tmp_path / split / label / f"{number}.png")
    images, labels = data.load(str(tmp_path)).train
    assert images[np.arange(6)][:, 0, 0, 0].tolist() == [10, 20, 30, 110, 120, 130]
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_the_deepest_folders_are_the_classes_where_that_is_asked_for(tmp_path, fill):
    """Apples hold images and a folder of images: both are classes. Fruit holds none itself."""
    fill(tmp_path, {"Fruit/Apple": 2, "Fruit/Apple/Golden-Delicious": 3, "Milk/Sour": 2})
    loaded = data.load(str(tmp_path), deepest=True)
    assert (loaded.classes, loaded.notes) == (("Fruit/Apple", "Fruit/Apple/Golden-Delicious", "Milk/Sour"), ())
    assert sorted(np.concatenate([loaded.train[1], loaded.validation[1]])) == [0, 0, 1, 1, 1, 2, 2]
    first = data.load(str(tmp_path))
    assert first.classes == ("Fruit", "Milk")
    assert "first level" in first.notes[0] and "Pass --deepest" in first.notes[0]


def test_a_deep_tree_has_splits_on_top(tmp_path, fill):
    """Classes that hold the same folders each are no splits there."""
    fill(tmp_path, {"train/a/x": 2, "train/a/y": 2, "train/b/x": 2, "train/b/y": 2, "val/b/y": 1})
    loaded = data.load(str(tmp_path), deepest=True)
    assert (loaded.classes, loaded.validation[1].tolist()) == (("a/x", "a/y", "b/x", "b/y"), [3])
    assert data.load(str(tmp_path / "train"), deepest=True).classes == loaded.classes


def test_an_empty_folder_is_a_class_that_is_empty_at_any_depth(tmp_path, fill):
    fill(tmp_path, {"a/x": 2, "b/y": 2})
    (tmp_path / "b" / "z").mkdir()
    with pytest.raises(ValueError, match="The class 'b/z' in .* is empty"):
        data.load(str(tmp_path), deepest=True)


def test_a_folder_for_tests_without_classes_is_passed_over(tmp_path, fill):
    fill(tmp_path, {"train/a": 5, "train/b": 5, "test": 3})
    loaded = data.load(str(tmp_path))
    assert (loaded.test, loaded.notes) == (None, ("Not used: test/, for it has no class folders.",))
    fill(tmp_path, {"val": 1})
    with pytest.raises(ValueError, match="val has no class folders"):
        data.load(str(tmp_path))


def test_the_splits_of_a_folder_share_a_cache(tmp_path, fill, monkeypatch):
    monkeypatch.setenv("KERASTRICKS_CACHE", str(tmp_path / "cache"))
    fill(tmp_path / "data", {f"{split}/{label}": 2 for split in ("train", "val", "test") for label in "ab"})
    loaded = data.load(str(tmp_path / "data"))
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert loaded.train[0].images is loaded.validation[0].images is loaded.test[0].images


def test_two_folders_that_are_shown_alike_are_refused(tmp_path, fill):
    fill(tmp_path, {"a\nb": 2, r"a\nb": 2})
    with pytest.raises(ValueError, match=r"Two folders in .* are both shown as 'a\\nb'. Rename one"):
        data.load(str(tmp_path))


def test_names_of_every_kind_are_trained_on(tmp_path, save):
    """Line ends, escape sequences, bytes that are no text, and as long as a name may be."""
    for label in (b"a\nb", b"\x1b[31mc", b"\xff", b"L" * 255):
        for index in range(2):
            name = (b"%d\n\xfe" % index).rjust(251, b"x") + b".png"
            save(tmp_path / "data" / os.fsdecode(label) / os.fsdecode(name), (index, 0, 0))
    loaded = data.load(str(tmp_path / "data"))
    assert loaded.classes == (r"\x1b[31mc", "L" * 255, r"a\nb", r"\udcff")
    assert loaded.train[0][np.arange(4)].shape == (4, 4, 4, 3)
    assert loaded.notes == ()
