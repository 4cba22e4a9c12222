import os

import numpy as np
import pytest
from PIL import Image

from kerastricks import data
from kerastricks.data import duplicates as module
from kerastricks.data.duplicates import find, note
from kerastricks.data.scan import scan


@pytest.fixture
def paths(tmp_path):
    """Files a to h: a, d and g are the same; b and e are of one length and begin alike; c and f differ in length."""
    start = b"\0" * 5000
    contents = [start + end for end in (b"1", b"2", b"33", b"1", b"4", b"5", b"1", b"66")]
    made = []
    for name, content in zip("abcdefgh", contents, strict=True):
        made.append(str(tmp_path / name))
        (tmp_path / name).write_bytes(content)
    return made


def found(paths, train, others):
    looked = scan(paths)
    sizes = np.array([os.path.getsize(path) for path in paths])
    return [(one[-1], other[-1]) for one, other in find(paths, sizes, looked.starts, np.array(train), np.array(others))]


def test_the_same_bytes_on_both_sides(paths):
    assert found(paths, [0, 1, 2], [3, 4, 5, 6, 7]) == [("d", "a"), ("g", "a")]
    assert found(paths, [0, 3, 6], [1, 2]) == []  # the same to train on alone is no matter
    assert found(paths, [6, 3, 0], [1]) == []
    assert found(paths, [1], [4]) == []


def test_only_what_may_be_the_same_is_read(paths, monkeypatch):
    read = []
    monkeypatch.setattr(module, "_digest", lambda path: read.append(path[-1]) or path.encode())
    looked = np.array([1, 1, 1, 1, 2, 1, 1, 1], "uint32")
    find(paths, np.array([9, 8, 7, 9, 9, 6, 5, 7]), looked, np.array([0, 1, 2]), np.array([3, 4, 5, 6, 7]))
    assert sorted(read) == ["a", "c", "d", "h"]


def test_a_file_that_is_gone_is_the_same_as_none(paths, tmp_path):
    (tmp_path / "a").unlink()
    (tmp_path / "d").unlink()
    ones = np.ones(8, "int64")
    assert find(paths, ones, ones.astype("uint32"), np.array([0]), np.array([3])) == []


def test_data_tells_them_and_goes_on(tmp_path, fill):
    fill(tmp_path, {"train/a": 3, "train/b": 3, "val/a": 2, "val/b": 2, "test/a": 1})
    assert data.load(str(tmp_path)).duplicates == 0
    copies = {"val/a/0.png": "train/a/1.png", "val/b/1.png": "train/a/1.png", "test/a/0.png": "train/b/2.png"}
    for copy, original in copies.items():
        (tmp_path / copy).write_bytes((tmp_path / original).read_bytes())
    loaded = data.load(str(tmp_path))
    assert loaded.duplicates == 3
    assert loaded.notes[0] == "test/ lacks 1 of the 2 classes, b: it is not scored."
    assert loaded.notes[1] == (
        f"3 images to judge by are among those to train on, byte for byte, such as: {tmp_path}/val/a/0.png is "
        f"{tmp_path}/train/a/1.png and {tmp_path}/val/b/1.png is {tmp_path}/train/a/1.png. Figures on them say too "
        "much."
    )


def test_the_split_of_the_seed_is_looked_at_too(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(5):
            Image.new("RGB", (4, 4), (ord(name), 0, 0)).save(tmp_path / name / f"{index}.png")
    assert data.load(str(tmp_path)).duplicates == 2


def test_one_is_one():
    assert note([("a", "b")]) == [
        "1 image to judge by is among those to train on, byte for byte: a is b. Figures on them say too much."
    ]
    assert note([]) == []
