import io

import numpy as np
import pytest
from PIL import Image

from kerastricks.data.cache import Cache
from kerastricks.data.decode import decode
from kerastricks.data.jpeg import cut_short
from kerastricks.data.pixels import Files


def photograph(mode="RGB", **options):
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(noise).resize((160, 128), Image.Resampling.BICUBIC).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def version_0(data):
    at = data.index(b"JFIF\0") + 5
    return data[:at] + b"\0\0" + data[at + 2 :]


def stray_in_the_header(data):
    at = data.index(b"\xff\xda")
    return data[:at] + b"\1\2\3" + data[at:]


def stray_at_the_end(data):
    return data[:-2] + bytes(range(1, 10)) + data[-2:]


def half(data):
    return data[: len(data) // 2]


def half_with_an_end(data):
    return half(data) + b"\xff\xd9"


def without_its_end(data):
    return data[:-2]


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("spoil", [version_0, stray_in_the_header, stray_at_the_end])
@pytest.mark.parametrize("size", [128, 30])
def test_takes_what_departs_from_the_standard_and_is_whole(tmp_path, mode, spoil, size):
    sound, odd = tmp_path / "sound.jpg", tmp_path / "odd.jpg"
    sound.write_bytes(photograph(mode))
    odd.write_bytes(spoil(photograph(mode)))
    tolerated = set()
    expected = decode(sound, size, tolerated)
    assert tolerated == set()
    assert np.abs(decode(odd, size, tolerated).astype(int) - expected).max() <= 2
    assert tolerated == {str(odd)}


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("cut", [half, half_with_an_end, without_its_end])
@pytest.mark.parametrize("spoil", [lambda data: data, version_0, stray_in_the_header], ids=["", "version", "stray"])
def test_refuses_what_is_cut_short_whatever_else_is_odd(tmp_path, mode, progressive, cut, spoil):
    data = cut(spoil(photograph(mode, progressive=progressive)))
    assert cut_short(data)
    (tmp_path / "cut.jpg").write_bytes(data)
    with pytest.raises(ValueError, match="Cannot decode .*cut.jpg"):
        decode(tmp_path / "cut.jpg", 30)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8\xff\xe0", b"\xff\xd8" + b"\xff" * 9, b"no image at all"])
def test_what_is_no_image_is_not_called_cut_short(data):
    assert not cut_short(data)


def test_the_cache_remembers_how_many_there_were(tmp_path):
    paths = [tmp_path / f"{index}.jpg" for index in range(5)]
    for path in paths:
        path.write_bytes(photograph())
    for index in (1, 4):
        paths[index].write_bytes(version_0(photograph()))
    odd = {str(paths[1]), str(paths[4])}
    first = Cache(paths, 16)
    assert first.build() == 5
    assert first.tolerated == odd
    again = Cache(paths, 16)
    assert (again.build(), again.tolerated) == (0, odd)
    streamed = Files(list(map(str, paths)), 16)
    assert np.array_equal(streamed[np.array([0, 4])], again[np.array([0, 4])])
    assert streamed.tolerated == {str(paths[4])}
