"""An image file as a square of uint8 pixels."""

from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000
_ORIENTATION = 0x0112  # the EXIF tag


def image_size(path: str | Path) -> tuple[int, int]:
    """Returns (width, height) from the header of the file.

    Raises:
        ValueError: If the file is not an image, or larger than `MAX_PIXELS`.
    """
    with _open(path) as image:
        return image.size


def decode(path: str | Path, size: int) -> np.ndarray:
    """Returns the image as uint8 (size, size, 3): upright, on white, short side resized, centre cropped.

    Colour JPEG files are decoded by simplejpeg, a tenth faster than Pillow, which decodes all others; both read a large
    JPEG at the smallest of its built-in scales that covers `size`.

    Raises:
        ValueError: If the file is not an image, is cut short, or is larger than `MAX_PIXELS`.
    """
    with _open(path) as image:
        try:
            image = _decode_jpeg(path, image, size) or _decode_any(image, size)
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f"Cannot decode {path}: {error}. Repair or remove the file.") from None
        if image.size != (size, size):
            image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
        return np.asarray(image)


def _open(path: str | Path) -> Image.Image:
    try:
        image = Image.open(path)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "it is no image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise ValueError(f"Cannot read {path}: {reason}. Remove the file, or keep it outside the folder.") from None
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(f"{path} has {image.width}×{image.height} pixels, more than {MAX_PIXELS:,}. Make it smaller.")
    return image


def _decode_jpeg(path: str | Path, image: Image.Image, size: int) -> Image.Image | None:
    """Returns the pixels of a colour JPEG, upright, or None if Pillow is to decode the file."""
    if image.format != "JPEG" or image.mode != "RGB":
        return None
    orientation = image.getexif().get(_ORIENTATION, 1)
    # The scale that Pillow's `draft` takes; left alone, simplejpeg takes eighths too.
    divisor = max(d for d in (1, 2, 4, 8) if d <= max(1, min(image.size) // size))
    width, height = (-(-side // divisor) for side in image.size)
    pixels = simplejpeg.decode_jpeg(Path(path).read_bytes(), min_height=height, min_width=width)
    upright = Image.fromarray(pixels)
    if orientation != 1:
        upright.getexif()[_ORIENTATION] = orientation
        ImageOps.exif_transpose(upright, in_place=True)
    return upright


def _decode_any(image: Image.Image, size: int) -> Image.Image:
    """Returns the pixels of any image that Pillow reads, upright and in RGB."""
    image.draft("RGB", (size, size))
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
        image = Image.fromarray((np.asarray(image, "uint32") >> 8).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
