import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerastricks.data import scan as module
from kerastricks.data.cache import Cache
from kerastricks.data.pixels import Files
from kerastricks.data.scan import scan


@pytest.fixture
def folder(tmp_path):
    """Five good files of 6×6 pixels, in five formats, all of them called .jpg."""
    for form in ("JPEG", "PNG", "GIF", "BMP", "WEBP"):
        Image.new("RGB", (6, 6), (200, 0, 0)).save(tmp_path / f"{form}.jpg", form)
    return tmp_path


def paths(folder):
    return sorted(str(path) for path in folder.iterdir())


def header(width, height):
    """The beginning of a PNG file that says how large it is."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT"


def test_content_decides(folder):
    found = scan(paths(folder))
    assert (found.side, found.bad, found.unsure) == (6, [], [])
    assert found.sizes.tolist() == [os.path.getsize(path) for path in paths(folder)]
    assert found.starts.tolist() == [zlib.crc32(Path(path).read_bytes()) for path in paths(folder)]


@pytest.mark.parametrize(("size", "side"), [((6, 6), 6), ((5, 5), None), ((6, 5), None)])
def test_the_side_is_that_of_equal_squares(folder, size, side):
    Image.new("RGB", size).save(folder / "other.png")
    assert scan(paths(folder)).side == side
    assert scan([str(folder / "other.png")]).side == (size[0] if size[0] == size[1] else None)
    assert scan([]).side is None


def test_all_bad_files_are_told_in_order(folder, monkeypatch):
    monkeypatch.setattr(module, "_PIECE", 2)
    (folder / "0 empty.jpg").touch()
    (folder / "1 text.jpg").write_text("no image")
    (folder / "2 link.jpg").symlink_to("nowhere")
    os.mkfifo(folder / "3 pipe.jpg")
    (folder / "4 bomb.png").write_bytes(header(20_000, 20_000))
    (folder / "5 large.png").write_bytes(header(10_001, 10_000))
    (folder / "6 script.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (folder / "7 folder.jpg").mkdir()
    found = scan(paths(folder))
    assert [row for row, _ in found.bad] == list(range(8))
    assert [error.reason for _, error in found.bad] == [
        "it is no image, but empty",
        "it is no image",
        "No such file or directory",
        "it is no ordinary file",
        "it has more than 100,000,000 pixels",
        "it has 10001×10000 pixels, more than 100,000,000",
        "it is no image",
        "it is no ordinary file",
    ]
    assert found.side == 6


def test_the_largest_that_is_taken_is_not_warned_of(folder):
    """Pillow warns of more than 89 million pixels."""
    (folder / "large.png").write_bytes(header(10_000, 10_000))
    assert scan(paths(folder)).bad == []
    Image.new("1", (9_500, 9_500)).save(folder / "large.png")
    for images in (Cache([folder / "large.png"], 4), Files([str(folder / "large.png")], 4)):
        images.build() if isinstance(images, Cache) else images.check([0])
        assert images.bad == []


def test_files_that_do_not_end_as_they_should_are_told(folder):
    for form in ("JPEG", "PNG"):
        whole = (folder / f"{form}.jpg").read_bytes()
        (folder / f"cut.{form}").write_bytes(whole[:-1])
        (folder / f"more.{form}").write_bytes(whole + b"\0\0")
    found = scan(paths(folder))
    assert found.bad == []
    assert {os.path.basename(paths(folder)[row]) for row in found.unsure} == {
        *("cut.JPEG", "cut.PNG", "more.JPEG", "more.PNG"),
    }


def test_a_file_that_cannot_be_read_is_told(folder, monkeypatch):
    opened = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("GIF.jpg"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    [(row, error)] = scan(paths(folder)).bad
    assert (row, error.reason) == (1, "Permission denied")


def test_thousands_take_a_moment(folder):
    """20,000 in a second where nothing else runs."""
    many = paths(folder)[1:4:2] * 2000
    start = time.process_time()
    found = scan(many)
    assert time.process_time() - start < 10
    assert len(np.unique(found.starts)) == 2
