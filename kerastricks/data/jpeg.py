"""JPEG files by simplejpeg, a tenth faster than Pillow, and what becomes of those that it refuses."""

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

COLOURS = {"RGB": "RGB", "L": "GRAY"}  # Pillow's mode: simplejpeg's
_ORIENTATION = 0x0112  # the EXIF tag
_APP0, _APP13, _APP15, _COMMENT, _SCAN = 0xE0, 0xED, 0xEF, 0xFE, 0xDA


def decode_jpeg(data: bytes, header: Image.Image, size: int) -> Image.Image:
    """Returns the pixels of a JPEG file, upright and in RGB, at the smallest of its scales that covers `size`.

    Args:
        data: The bytes of the file.
        header: The file as Pillow opened it, in one of the modes of `COLOURS`.
        size: Side in pixels.

    Raises:
        ValueError: If the file is damaged or departs from the standard.
    """
    orientation = header.getexif().get(_ORIENTATION, 1)
    # The scale that Pillow's `draft` takes; left alone, simplejpeg takes eighths too.
    divisor = max(d for d in (1, 2, 4, 8) if d <= max(1, min(header.size) // size))
    width, height = (-(-side // divisor) for side in header.size)
    pixels = simplejpeg.decode_jpeg(data, COLOURS[header.mode], min_height=height, min_width=width)
    upright = Image.fromarray(np.squeeze(pixels, 2) if header.mode == "L" else pixels)
    if orientation != 1:
        upright.getexif()[_ORIENTATION] = orientation
        ImageOps.exif_transpose(upright, in_place=True)
    return upright.convert("RGB")


def cut_short(data: bytes) -> bool:
    """Returns whether the pixels end before the image does, which decoders fill with grey."""
    try:
        simplejpeg.decode_jpeg(_plain(data), min_height=1, min_width=1)
    except ValueError as error:
        return "premature end" in str(error).lower()
    return False


def _plain(data: bytes) -> bytes:
    """Returns the file with nothing but what its pixels need before them.

    simplejpeg stops at the first oddity. Without stray bytes and versions in the header, it comes to the pixels.
    """
    kept, at = [data[:2]], 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == _SCAN:
            return b"".join([*kept, data[at:]])
        if marker < 0xC0 or marker == 0xFF:  # no segment begins here
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if not (_APP0 <= marker <= _APP13 or marker in (_APP15, _COMMENT)):  # APP14 tells the colours
            kept.append(data[at:end])
        at = end
    return data
