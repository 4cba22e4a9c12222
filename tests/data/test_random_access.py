import os
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from kerastricks.data import random_access as module
from kerastricks.data.cache import Cache
from kerastricks.data.decode import decode
from kerastricks.data.random_access import RandomAccess

SYSTEMS = {
    "Linux": (),
    "macOS": ("posix_fallocate", "preadv"),
    "Windows": ("posix_fallocate", "preadv", "pread", "pwrite"),
}


@pytest.fixture(params=SYSTEMS)
def system(request, monkeypatch):
    """This system without the functions that another one lacks."""
    for name in SYSTEMS[request.param]:
        monkeypatch.delattr(os, name)
    return request.param


def test_reads_what_was_written_at_a_position(system, tmp_path):
    file = RandomAccess(tmp_path / "file")
    file.empty(10, tmp_path)
    file.write(b"abc", 2)
    into = bytearray(4)
    assert (file.size, file.read(memoryview(into), 1), bytes(into)) == (10, 4, b"\0abc")
    assert file.read(memoryview(into), 8) == 2  # the end of the file
    file.empty(3, tmp_path)
    assert (file.read(memoryview(into), 0), bytes(into[:3])) == (3, b"\0\0\0")
    file.close()


def test_threads_do_not_disturb_each_other(system, tmp_path):
    file = RandomAccess(tmp_path / "file")
    file.empty(256 * 100, tmp_path)

    def there_and_back(index):
        file.write(bytes([index]) * 100, 100 * index)
        into = bytearray(100)
        file.read(memoryview(into), 100 * index)
        return bytes(into) == bytes([index]) * 100

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(256)))
    assert (tmp_path / "file").read_bytes() == b"".join(bytes([index]) * 100 for index in range(256))
    file.close()


def test_a_cache_is_the_same_on_every_system(system, tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(20)]
    for index, path in enumerate(paths):
        Image.new("RGB", (4, 4), (index, 10, 26)).save(path)  # 10 and 26 are what a text mode would change
    assert Cache(paths, 4, tmp_path / "cache").build() == 20
    again = Cache(paths, 4, tmp_path / "cache")
    assert again.build() == 0
    assert np.array_equal(again[np.arange(20)], np.stack([decode(path, 4) for path in paths]))


def test_a_full_disk_raises_at_once(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: types.SimpleNamespace(free=9))
    file = RandomAccess(tmp_path / "file")
    with pytest.raises(OSError, match="No space left on device"):
        file.empty(10, tmp_path)
    file.empty(9, tmp_path)
    assert file.size == 9
    file.close()
