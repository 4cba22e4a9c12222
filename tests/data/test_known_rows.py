import os

import numpy as np
import pytest
from PIL import Image

from kerastricks.data.cache import Cache
from kerastricks.data.decode import decode


@pytest.fixture
def paths(tmp_path):
    """Eight images, the last of which simplejpeg refuses and Pillow decodes."""
    random = np.random.default_rng(0)
    made = [str(tmp_path / f"{index}.jpg") for index in range(8)]
    for path in made:
        Image.fromarray(random.integers(0, 256, (8, 8, 3), "uint8")).save(path)
    with open(made[7], "r+b") as file:
        data = file.read()
        file.seek(data.index(b"JFIF\0") + 5)
        file.write(b"\0\0")
    return made


def images(paths):
    return np.stack([decode(path, 8) for path in paths])


def test_files_more_or_fewer_are_copied(paths, tmp_path):
    folder = tmp_path / "cache"
    assert Cache(paths[:4], 8, folder).build() == 4
    more = Cache(paths[::-1], 8, folder)
    assert more.build() == 4
    assert np.array_equal(more[np.arange(8)], images(paths[::-1]))
    seen = []
    fewer = Cache(paths[2:], 8, folder)
    assert fewer.build(lambda done, total: seen.append((done, total))) == 0
    assert seen == [(6, 6)]
    assert np.array_equal(fewer[np.arange(6)], images(paths[2:]))
    assert fewer.tolerated == more.tolerated == {paths[7]}
    again = Cache(paths[2:], 8, folder)
    assert (again.build(), again.tolerated) == (0, {paths[7]})


def test_a_file_that_changed_is_decoded(paths, tmp_path):
    Cache(paths, 8, tmp_path / "cache").build()
    Image.new("RGB", (8, 8), (9, 9, 9)).save(paths[0])
    cache = Cache(paths, 8, tmp_path / "cache")
    assert cache.build() == 1
    assert cache[np.array([0])][0, 0, 0].tolist() == [9, 9, 9]


def test_another_size_is_decoded(paths, tmp_path):
    Cache(paths, 8, tmp_path / "cache").build()
    assert Cache(paths[:5], 4, tmp_path / "cache").build() == 5


@pytest.mark.parametrize("position", [0, -1], ids=["entry", "row"])
def test_what_was_altered_is_not_copied(paths, tmp_path, position):
    """The first entry, or the last byte of the last row."""
    first = Cache(paths, 8, tmp_path / "cache")
    first.build()
    with first.path.open("r+b") as file:
        file.seek(position, os.SEEK_SET if position == 0 else os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    other = Cache([paths[0], paths[7]], 8, tmp_path / "cache")
    assert other.build() == 1
    assert np.array_equal(other[np.arange(2)], images([paths[0], paths[7]]))


def test_what_is_no_cache_is_passed_over(paths, tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "empty.pixels").touch()
    (folder / "other.pixels").write_bytes(b"\1" * (16 + 192) * 3)
    (folder / "odd.pixels").write_bytes(b"\1" * 1000)
    assert Cache(paths, 8, folder).build() == 8
