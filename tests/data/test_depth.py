import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from kerastricks.data.decode import decode
from kerastricks.data.depth import eight_bits


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([0, 7, 255], "uint16", [0, 7, 255]),  # 8 bits
        ([0, 4, 1023], "uint16", [0, 1, 255]),  # 10 bits: a fourth
        ([0, 16, 2048, 4095], "uint16", [0, 1, 128, 255]),  # 12 bits: a sixteenth
        ([64, 16383], "uint16", [1, 255]),  # 14 bits
        ([256, 32768, 65535], "uint16", [1, 128, 255]),  # 16 bits
        ([0, 300, 65535], "int32", [0, 1, 255]),
        ([0, 200], "int32", [0, 200]),
        ([0.0, 0.2, 1.0], "float32", [0, 51, 255]),
        ([0.0, 1.6, 255.0], "float32", [0, 2, 255]),
        ([0.0, 2048.0, 4095.0], "float32", [0, 128, 255]),
        ([0.0, 255.7], "float32", [0, 64]),  # 256 takes ten bits
        ([0, 0], "uint16", [0, 0]),
    ],
)
def test_scales_by_the_range_of_the_file(tmp_path, values, kind, expected):
    """As TIFF, which Pillow reads as I;16, I and F."""
    array = np.array([values], kind)
    assert eight_bits(array).tolist() == [expected]
    Image.fromarray(np.repeat(array, array.size, 0)).save(tmp_path / "image.tif")
    assert decode(tmp_path / "image.tif", array.size)[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("values", "kind", "received"),
    [
        ([-3, 40], "int32", "-3 to 40"),
        ([0, 65536], "int32", "0 to 65536"),
        ([0.0, np.nan], "float32", "nan to nan"),
        ([0.0, np.inf], "float32", "0.0 to inf"),
        ([-0.5, 1.0], "float32", "-0.5 to 1.0"),
    ],
)
def test_refuses_what_is_no_level_and_names_the_file(tmp_path, values, kind, received):
    Image.fromarray(np.array([values, values], kind)).save(tmp_path / "deep.tif")
    expected = f"Cannot decode .*deep.tif: its pixel values must be numbers from 0 to 65535. Received: {received}"
    with pytest.raises(ValueError, match=expected):
        decode(tmp_path / "deep.tif", 2)


def png(values):
    """A PNG file of 16 bits a channel, which Pillow reads and cannot write: grey and alpha, RGB or RGBA."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, channels = values.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ([(16, 160, 1600), (0, 2048, 4095)], [(1, 10, 100), (0, 128, 255)]),  # 12 bits
        ([(7, 8, 9), (0, 1, 255)], [(7, 8, 9), (0, 1, 255)]),  # 8 bits
        ([(256, 2560, 25600), (0, 32768, 65535)], [(1, 10, 100), (0, 128, 255)]),  # 16 bits
        ([(16, 160, 1600, 65535), (16, 160, 4095, 0)], [(1, 10, 100), (255, 255, 255)]),  # the second is transparent
        ([(1600, 65535), (4095, 65535)], [(100, 100, 100), (255, 255, 255)]),  # grey and opaque
    ],
)
def test_reads_all_bits_of_colours(tmp_path, pixels, expected):
    (tmp_path / "image.png").write_bytes(png(np.array([pixels, pixels], "uint16")))
    assert decode(tmp_path / "image.png", 2)[0].tolist() == [list(pixel) for pixel in expected]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compressed", [False, True])
def test_reads_all_bits_of_colours_in_tiff(tmp_path, order, compressed):
    """2×2 pixels of 12 bits, in either order of bytes, read by Pillow itself and by libtiff."""
    data = np.array([[(16, 160, 1600), (0, 2048, 4095)]] * 2, f"{order}u2").tobytes()
    data = zlib.compress(data) if compressed else data
    tags = [(256, 2), (257, 2), (258, None), (259, 8 if compressed else 1), (262, 2), (273, 8), (277, 3), (278, 2)]
    tags.append((279, len(data)))
    start = 8 + len(data)
    end = start + 2 + 12 * len(tags) + 4
    file = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, start) + data
    file += struct.pack(f"{order}H", len(tags))
    for tag, value in tags:
        file += struct.pack(f"{order}HHII", tag, 4, *((3, end) if value is None else (1, value)))
    file += struct.pack(f"{order}I3I", 0, 16, 16, 16)
    (tmp_path / "image.tif").write_bytes(file)
    assert decode(tmp_path / "image.tif", 2)[1].tolist() == [[1, 10, 100], [0, 128, 255]]


def test_turns_deep_images_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(np.array([[16, 0], [0, 4095]], "uint16")).save(tmp_path / "image.png", exif=exif)
    assert decode(tmp_path / "image.png", 2)[..., 0].tolist() == [[255, 0], [0, 1]]
