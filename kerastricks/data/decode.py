"""An image file as a square of uint8 pixels."""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kerastricks.data.depth import eight_bits, rescale_colours
from kerastricks.data.jpeg import COLOURS, cut_short, decode_jpeg
from kerastricks.data.names import shown

MAX_PIXELS = 100_000_000


def image_size(path: str | Path) -> tuple[int, int]:
    """Returns (width, height) from the header of the file.

    Raises:
        ValueError: If the file is not an image, or larger than `MAX_PIXELS`.
    """
    with _open(path) as image:
        return image.size


def decode(path: str | Path, size: int, tolerated: set[str] | None = None) -> np.ndarray:
    """Returns the image as uint8 (size, size, 3): upright, on white, short side resized, centre cropped.

    JPEG files are decoded by simplejpeg, and by Pillow where simplejpeg refuses one that is whole; Pillow decodes all
    others. Both read a large JPEG at the smallest of its built-in scales that covers `size`.

    Args:
        path: The file.
        size: Side in pixels.
        tolerated: Where the path of a JPEG file is added that simplejpeg refused and Pillow decoded.

    Raises:
        ValueError: If the file is not an image, is cut short, is larger than `MAX_PIXELS`, or has pixel values that are
            not from 0 to 65535.
    """
    with _open(path) as image:
        try:
            image = _decode(path, image, size, set() if tolerated is None else tolerated)
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f"Cannot decode {shown(path)}: {error}. Repair or remove the file.") from None
        if image.size != (size, size):
            image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
        return np.asarray(image)


def _open(path: str | Path) -> Image.Image:
    try:
        image = Image.open(path)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        reason = "it is no image" if isinstance(error, UnidentifiedImageError) else reason
        raise ValueError(
            f"Cannot read {shown(path)}: {reason}. Remove the file, or keep it outside the folder."
        ) from None
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(
            f"{shown(path)} has {image.width}×{image.height} pixels, more than {MAX_PIXELS:,}. Make it smaller."
        )
    return image


def _decode(path: str | Path, image: Image.Image, size: int, tolerated: set[str]) -> Image.Image:
    """Returns the pixels, upright and in RGB."""
    if image.format != "JPEG" or image.mode not in COLOURS:
        return _decode_any(image, size)
    data = Path(path).read_bytes()
    try:
        return decode_jpeg(data, image, size)
    except ValueError:
        if cut_short(data):
            raise
    image = _decode_any(image, size)
    tolerated.add(os.fspath(path))
    return image


def _decode_any(image: Image.Image, size: int) -> Image.Image:
    """Returns the pixels of any image that Pillow reads, upright and in RGB."""
    image.draft("RGB", (size, size))
    rescale_colours(image)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # deep grey, which Pillow would clip to white
        image = Image.fromarray(eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
