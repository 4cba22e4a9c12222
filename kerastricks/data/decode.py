"""An image file as a square of uint8 pixels."""

import contextlib
import functools
import os
import stat
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kerastricks.data import apart
from kerastricks.data.bad import BadImage
from kerastricks.data.depth import eight_bits, rescale_colours
from kerastricks.data.jpeg import COLOURS, cut_short, decode_jpeg

MAX_PIXELS = 100_000_000
PAUSES = (0.1, 1.0)  # seconds before another try

# How files begin whose decoders are trusted not to crash; all others are decoded in another process.
_TRUSTED = {b"\xff\xd8\xff": ("JPEG",), b"\x89PNG\r\n\x1a\n": ("PNG",)}
_REFUSED = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}  # they run another program, or none reads their pixels


def image_size(path: str | Path) -> tuple[int, int]:
    """Returns (width, height) from the header of the file.

    Raises:
        BadImage: If the file is not an image, or larger than `MAX_PIXELS`.
    """
    with open_file(path) as file:
        return header(path, file, file.read(8))


def header(path: str | Path, file: BinaryIO, start: bytes) -> tuple[int, int]:
    """Returns what `image_size` does, of a file that is open, from its first bytes, 8 at least."""
    if formats := _trusted(start):
        return size_here(path, file, formats)
    if not start:
        raise BadImage(path, "it is no image, but empty")
    answer, _ = apart.ask(path)
    return answer["width"], answer["height"]


def decode(path: str | Path, size: int, tolerated: set[str] | None = None) -> np.ndarray:
    """Returns the image as uint8 (size, size, 3): upright, on white, short side resized, centre cropped.

    JPEG files are decoded by simplejpeg, and by Pillow where simplejpeg refuses one that is whole; Pillow decodes all
    others, in another process if they are not PNG. Both read a large JPEG at the smallest of its built-in scales that
    covers `size`.

    Args:
        path: The file.
        size: Side in pixels.
        tolerated: Where the path of a JPEG file is added that simplejpeg refused and Pillow decoded.

    Raises:
        BadImage: If the file is not an image, is cut short, is larger than `MAX_PIXELS`, has pixel values that are
            not from 0 to 65535, or makes its decoder crash.
    """
    with open_file(path) as file:
        start = file.read(8)
        if formats := _trusted(start):
            return decode_here(path, size, file, formats, tolerated)
    if not start:
        raise BadImage(path, "it is no image, but empty")
    _, pixels = apart.ask(path, size)
    return np.frombuffer(pixels, "uint8").reshape(size, size, 3)


def decode_patiently(path: str | Path, size: int, tolerated: set[str] | None = None) -> np.ndarray:
    """Returns what `decode` does, after another try or two if the file cannot be read at first, as on networks.

    Raises:
        BadImage: If no try succeeds.
    """
    for pause in PAUSES:
        try:
            return decode(path, size, tolerated)
        except BadImage:
            time.sleep(pause)
    try:
        return decode(path, size, tolerated)
    except BadImage as error:
        raise BadImage(path, f"{error.reason}, at the third try too", error.verb) from None


@contextlib.contextmanager
def unwarned() -> Iterator[None]:
    """Keeps Pillow from warning of images of more than 89 million pixels, in all threads: `MAX_PIXELS` is the limit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def open_file(path: str | Path) -> BinaryIO:
    """Opens an ordinary file to read it; a pipe would keep a reader waiting for ever.

    Raises:
        BadImage: If it is none, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise BadImage(path, getattr(error, "strerror", None) or str(error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadImage(path, "it is no ordinary file")
    return os.fdopen(descriptor, "rb")


def size_here(path: str | Path, file: BinaryIO | None = None, formats: tuple[str, ...] = ()) -> tuple[int, int]:
    """Returns what `image_size` does, in this process whatever the format is."""
    with _open(path, file, formats) as image:
        return image.size


def decode_here(
    path: str | Path,
    size: int,
    file: BinaryIO | None = None,
    formats: tuple[str, ...] = (),
    tolerated: set[str] | None = None,
) -> np.ndarray:
    """Returns what `decode` does, in this process whatever the format is.

    Args:
        path: The file.
        size: Side in pixels.
        file: The file, if it is open.
        formats: Formats that are tried, if not all.
        tolerated: See `decode`.
    """
    with _open(path, file, formats) as image:
        try:
            image = _decode(path, image, size, set() if tolerated is None else tolerated)
        except MemoryError:
            raise
        except Exception as error:  # a broken file makes Pillow raise what it likes
            raise BadImage(path, _reason(error), "decode") from None
        if image.size != (size, size):
            image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
        return np.asarray(image)


def _trusted(start: bytes) -> tuple[str, ...]:
    return next((formats for magic, formats in _TRUSTED.items() if start.startswith(magic)), ())


@functools.cache
def _all_formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in Image.ID if name not in _REFUSED)


def _open(path: str | Path, file: BinaryIO | None, formats: tuple[str, ...]) -> Image.Image:
    try:
        image = Image.open(path if file is None else file, formats=formats or _all_formats())
    except MemoryError:
        raise
    except Exception as error:
        raise BadImage(path, _reason(error)) from None
    image.filename = os.fspath(path)
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise BadImage(path, f"it has {image.width}×{image.height} pixels, more than {MAX_PIXELS:,}")
    return image


def _reason(error: Exception) -> str:
    """Returns what is wrong with a file by what Pillow or simplejpeg raised."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no image"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {MAX_PIXELS:,} pixels"
    if isinstance(error, OSError | SyntaxError | ValueError):
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"its decoder failed, {type(error).__name__}: {error}"


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
