import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from kerastricks.data import cache as module
from kerastricks.data import load
from kerastricks.data.cache import Cache
from kerastricks.data.decode import decode

ALL = np.arange(6)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache directory of the test's own."""
    monkeypatch.setenv("KERASTRICKS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def paths(tmp_path):
    """Six images, three a class."""
    random = np.random.default_rng(0)
    made = []
    for index in range(6):
        path = tmp_path / "data" / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), "uint8")).save(path)
        made.append(path)
    return made


def expected(paths):
    return np.stack([decode(path, 8) for path in paths])


def test_decodes_once(paths, monkeypatch):
    first = Cache(paths, 8)
    counts = []
    assert first.build(lambda done, total: counts.append((done, total))) == 6
    assert counts == [(6, 6)]
    monkeypatch.setattr(module, "decode", None)  # a second decoding would raise
    again = Cache(paths, 8)
    assert again.build() == 0
    assert np.array_equal(again[ALL], first[ALL])
    assert np.array_equal(again[np.array([4, 1])], first[ALL][[4, 1]])


def test_equals_decoding(paths):
    cache = Cache(paths, 8)
    assert np.array_equal(cache[ALL], expected(paths))  # absent rows are decoded where they are read
    assert cache.build() == 0


def test_decodes_the_rows_that_are_asked_for(paths):
    assert Cache(paths, 8).build(rows=np.array([1, 4])) == 2
    again = Cache(paths, 8)
    assert again.build(rows=np.array([4, 5])) == 1
    assert again.build() == 3


def test_an_image_that_changes_is_noticed(paths):
    Cache(paths, 8).build()
    Image.new("RGB", (8, 8), (1, 2, 3)).save(paths[2])
    assert Cache(paths, 8)[np.array([2])][0, 0, 0].tolist() == [1, 2, 3]


def test_each_size_and_list_has_its_own(paths, home):
    Cache(paths, 8).build(), Cache(paths, 4).build(), Cache(paths[:3], 8).build()
    assert len(list(home.iterdir())) == 3


def test_a_version_of_its_own(paths, home, monkeypatch):
    Cache(paths, 8).build()
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert Cache(paths, 8).build() == 6


@pytest.mark.parametrize("length", [0, 10, -1])
def test_cut_short_it_is_built_anew(paths, length):
    cache = Cache(paths, 8)
    cache.build()
    os.truncate(cache.path, length if length >= 0 else cache.path.stat().st_size - 1)
    again = Cache(paths, 8)
    assert again.build() == 6
    assert np.array_equal(again[ALL], expected(paths))


def test_an_altered_row_is_decoded_again(paths):
    cache = Cache(paths, 8)
    cache.build()
    with cache.path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    again = Cache(paths, 8)
    with pytest.warns(UserWarning, match=r"the image of .*5.png was altered; decoded again"):
        images = again[ALL]
    assert np.array_equal(images, expected(paths))
    assert np.array_equal(Cache(paths, 8)[ALL], images)


def test_two_at_once_agree(paths):
    first, second = Cache(paths, 8), Cache(paths, 8)
    first.build()
    assert second.build() == 6  # it had seen none of the other's
    assert np.array_equal(first[ALL], second[ALL])


@pytest.mark.slow
def test_a_kill_leaves_whole_rows(tmp_path, home):
    """Killed in the middle of the build: what is there is right, and the next build does the rest."""
    folder = tmp_path / "many"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), "uint8")
    paths = []
    for index in range(300):
        paths.append(folder / f"{index}.png")
        Image.fromarray(np.roll(noise, index)).save(paths[-1], compress_level=1)
    code = (
        "import sys, glob, time; from pathlib import Path; from kerastricks.data import cache\n"
        "decode = cache.decode; cache.decode = lambda *all: (time.sleep(0.05), decode(*all))[1]\n"  # 7 s for them all
        "cache.Cache(sorted(map(Path, glob.glob(sys.argv[1] + '/*.png'))), 64).build()"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    paths = sorted(paths)
    while process.poll() is None and not (home.exists() and (module.Cache(paths, 64)._table > 0).sum() > 20):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    cache = Cache(paths, 64)
    assert 0 < cache.build() < 300
    assert np.array_equal(cache[np.arange(300)], np.stack([decode(path, 64) for path in paths]))


def test_a_folder_reads_through_it(paths, home):
    """Another seed splits the same cache otherwise."""
    root = str(paths[0].parents[1])
    first, second = load(root, seed=0), load(root, seed=1)
    assert len(list(home.iterdir())) == 1
    for loaded in (first, second):
        (train, labels), (held_out, _) = loaded.train, loaded.validation
        assert (train.shape, held_out.shape) == ((4, 8, 8, 3), (2, 8, 8, 3))
        assert train[np.array([0])].dtype == "uint8"
        assert np.bincount(labels).tolist() == [2, 2]


def test_beyond_its_size_images_are_decoded_where_they_are_read(paths, home):
    root = str(paths[0].parents[1])
    with pytest.warns(UserWarning, match="more than the cache may: 0 GB"):
        streamed = load(root, cache_size=0)
    cached = load(root)
    assert np.array_equal(streamed.train[0][np.array([3, 0])], cached.train[0][np.array([3, 0])])
    assert len(list(home.iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_said_and_done_without(paths, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KERASTRICKS_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"cannot be kept in .*file: File exists.*set KERASTRICKS_CACHE"):
        loaded = load(str(paths[0].parents[1]))
    assert loaded.train[0][np.arange(4)].shape == (4, 8, 8, 3)


def test_a_full_disk_is_said_and_done_without(paths, monkeypatch):
    def full(file, start, length):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "posix_fallocate", full)
    with pytest.warns(UserWarning, match="No space left on device. They are decoded again"):
        load(str(paths[0].parents[1]))
