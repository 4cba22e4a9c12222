"""Images of more than 8 bits a channel, as 8 bits."""

import re
import sys
from typing import Any

import numpy as np
from PIL import Image

_DEEP = re.compile(r"(LA|RGB[AX]?);16([BLN])")  # Pillow's names for colours of 16 bits, by the order of their bytes
_LITTLE = {"L": True, "B": False, "N": sys.byteorder == "little"}


def eight_bits(values: np.ndarray) -> np.ndarray:
    """Returns pixel values as uint8, by the range that they use.

    Whole numbers have the least of 8, 10, 12, 14 and 16 bits that holds the largest of them, and keep the upper eight:
    4095 becomes 255, and so does 65535. Floating-point numbers are multiplied by 255 if none is above 1, else rounded
    to whole ones.

    Raises:
        ValueError: If a value is not a number from 0 to 65535.
    """
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 65535):
        raise ValueError(f"its pixel values must be numbers from 0 to 65535. Received: {low} to {high}")
    if values.dtype.kind == "f":
        values = np.rint(values * 255 if high <= 1 else values)
    whole = values.astype("uint16")
    bits = next(bits for bits in (8, 10, 12, 14, 16) if int(whole.max()) < 2**bits)
    return (whole >> (bits - 8)).astype("uint8")


def rescale_colours(image: Any) -> None:
    """Applies `eight_bits` to an opened image of 16-bit colours, in place; leaves any other image as it is.

    Of such colours Pillow reads the upper bytes alone, which for 12-bit values are 16 levels. If they show that fewer
    than 16 bits are used, the file is read again for the lower ones.
    """
    found = _DEEP.fullmatch(_layout(image))
    if not found:
        return
    channels, order = found.groups()
    upper = np.asarray(image).astype("uint16")
    if upper[..., :3].max() >= 64:
        return
    with Image.open(image.filename) as again:
        # As four bytes a pixel, or as 16 bits in the other order of bytes.
        layout = "RGBA" if channels == "LA" else f"{channels};16{'B' if _LITTLE[order] else 'L'}"
        again.tile = [tile._replace(args=_with_layout(tile.args, layout)) for tile in again.tile]
        lower = np.asarray(again)
    if channels == "LA":
        lower = lower[..., [1, 1, 1, 3]]
    values = upper << 8 | lower
    parts = [eight_bits(values[..., :3])]
    if values.shape[-1] == 4:  # how opaque a pixel is has a range of its own
        parts.append(eight_bits(values[..., 3:]))
    image.paste(Image.fromarray(np.concatenate(parts, axis=-1)))


def _layout(image: Any) -> str:
    arguments = image.tile[0].args if getattr(image, "tile", None) else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _with_layout(arguments: Any, layout: str) -> Any:
    return (layout, *arguments[1:]) if isinstance(arguments, tuple) else layout
