"""An image file as a square of uint8 pixels."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000


def image_size(path: Path) -> tuple[int, int]:
    """Returns (width, height) from the header of the file.

    Raises:
        ValueError: If the file is no image, or larger than `MAX_PIXELS`.
    """
    with _open(path) as image:
        return image.size


def decode(path: Path, size: int) -> np.ndarray:
    """Returns the image as uint8 (size, size, 3): upright, on white, short side resized, centre cropped.

    Raises:
        ValueError: If the file is no image, is cut short, or is larger than `MAX_PIXELS`.
    """
    with _open(path) as image:
        try:
            image.draft("RGB", (size, size))
            image = _to_rgb(ImageOps.exif_transpose(image))
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f"Cannot decode {path}: {error}. Repair or remove the file.") from None
        if image.size != (size, size):
            image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
        return np.asarray(image)


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "it is no image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise ValueError(f"Cannot read {path}: {reason}. Remove the file, or keep it outside the folder.") from None
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(f"{path} has {image.width}×{image.height} pixels, more than {MAX_PIXELS:,}. Make it smaller.")
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
        image = Image.fromarray((np.asarray(image, "uint32") >> 8).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
