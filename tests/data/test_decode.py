import os

import numpy as np
import pytest
from PIL import Image, ImageOps

from kerastricks.data import decode as module
from kerastricks.data.decode import _decode_any, decode, image_size


def saved(tmp_path, image, name="image.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def test_resizes_the_short_side_and_crops_the_centre(tmp_path):
    """Red, green and blue thirds side by side: the centre is green."""
    stripes = np.zeros((8, 24, 3), "uint8")
    for third in range(3):
        stripes[:, 8 * third : 8 * third + 8, third] = 255
    pixels = decode(saved(tmp_path, Image.fromarray(stripes)), 8)
    assert pixels.shape == (8, 8, 3)
    assert (pixels == [0, 255, 0]).all()


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (7, 7)), (6, (0, 7)), (8, (7, 0))])
def test_turns_photographs_upright(tmp_path, orientation, corner):
    image = Image.new("L", (8, 8))
    image.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(saved(tmp_path, image, exif=exif), 8)
    assert np.argwhere(pixels[..., 0] == 255).tolist() == [list(corner)]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (4, 4), 7), (7, 7, 7)),
        (Image.new("1", (4, 4), 1), (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (200, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (200, 0, 0, 255)), (200, 0, 0)),
        (Image.new("LA", (4, 4), (0, 0)), (255, 255, 255)),
        (Image.fromarray(np.full((4, 4), 128 * 256, "uint16")), (128, 128, 128)),
        (Image.new("RGB", (4, 4), (1, 2, 3)).convert("P"), (0, 0, 0)),
    ],
    ids=["grey", "bits", "transparent", "opaque", "grey and alpha", "16 bits", "palette"],
)
def test_brings_every_mode_to_rgb(tmp_path, image, expected):
    assert decode(saved(tmp_path, image), 4)[0, 0].tolist() == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [100, 20], ids=["in full", "scaled"])
def test_the_fast_path_equals_pillow(tmp_path, mode, orientation, size):
    """A photograph's like, 160×120, at its full size and where the decoder scales it down by four."""
    noise = np.random.default_rng(0).integers(0, 256, (15, 20, 3), "uint8")
    image = Image.fromarray(noise).resize((160, 120), Image.Resampling.BICUBIC).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, image, "image.jpg", exif=exif, quality=90)
    with Image.open(path) as opened:
        expected = ImageOps.fit(_decode_any(opened, size), (size, size), Image.Resampling.BILINEAR)
    assert np.abs(decode(path, size).astype(int) - np.asarray(expected)).max() <= 2


def test_reads_content_whatever_the_name_says(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (4, 4), (9, 9, 9)), "image.webp", lossless=True)
    assert decode(path.rename(tmp_path / "image.JPG"), 4)[0, 0].tolist() == [9, 9, 9]


def test_reads_the_size_from_the_header(tmp_path):
    assert image_size(saved(tmp_path, Image.new("L", (5, 3)))) == (5, 3)


def test_refuses_an_image_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_PIXELS", 15)
    with pytest.raises(ValueError, match="4×4 pixels, more than 15"):
        decode(saved(tmp_path, Image.new("L", (4, 4))), 4)


def test_refuses_an_empty_file(tmp_path):
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ValueError, match="empty.jpg: it is no image"):
        decode(tmp_path / "empty.jpg", 4)


def test_a_pipe_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for read in (image_size, lambda path: decode(path, 4)):
        with pytest.raises(ValueError, match="pipe.jpg: it is no ordinary file"):
            read(tmp_path / "pipe.jpg")


@pytest.mark.parametrize("form", ["GIF", "TIFF", "BMP", "WEBP", "PNG", "JPEG"])
def test_reads_every_form_the_same_in_another_process(tmp_path, form):
    """Of an animation, the first frame."""
    red, blue = (Image.new("RGB", (4, 4), colour) for colour in ((200, 0, 0), (0, 0, 200)))
    options = {"save_all": True, "append_images": [blue]} if form in ("GIF", "TIFF", "WEBP") else {}
    path = saved(tmp_path, red, f"image.{form.lower()}", **options)
    assert np.array_equal(decode(path, 4), module.decode_here(path, 4))
    assert decode(path, 4)[0, 0].tolist() == pytest.approx([200, 0, 0], abs=8)


def test_a_program_is_never_run_to_decode_a_file(tmp_path):
    """Pillow has Ghostscript read PostScript."""
    saved(tmp_path, Image.new("RGB", (4, 4)), "image.eps")
    with pytest.raises(ValueError, match="image.eps: it is no image"):
        decode(tmp_path / "image.eps", 4)
