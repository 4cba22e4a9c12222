"""What an exported model carries along: its classes, and how a server makes its input from a file."""

from collections.abc import Sequence
from typing import Any

from kerastricks.models.saved import Description

VERSION = 1
_MEANINGS = {
    "logits": "probabilities of the classes, in their order: the softmax is in the graph, and they sum to 1",
    "probabilities": "probabilities of the classes, in their order",
    "sigmoid": "a probability for each class, in their order: the sigmoid is in the graph, and each stands for itself",
}


def card(found: Description, shape: Sequence[int]) -> dict[str, Any]:
    """Returns classes, input, preprocessing and output of a model as JSON's types.

    Args:
        found: What the model is for, with the kind of its output.
        shape: Of the images that it takes, (H, W, C).
    """
    height, width, channels = shape
    side = found.image_size
    return {
        "version": VERSION,
        "task": "image classification",
        "classes": list(found.classes),
        "input": {
            "shape": ["batch", height, width, channels],
            "layout": "NHWC",
            "dtype": "uint8",
            "range": [0, 255],
            "colours": "RGB" if channels == 3 else "grey",
        },
        "preprocessing": {
            "resize_short_side": side,
            "centre_crop": [height, width],
            "interpolation": "bilinear, antialiased",
            "in_words": _rule(side, height, width, channels),
        },
        "output": {
            "shape": ["batch", len(found.classes)],
            "dtype": "float32",
            "meaning": _MEANINGS[found.output],
        },
    }


def _rule(side: int, height: int, width: int, channels: int) -> str:
    steps = [
        "turn the image upright as its EXIF entry says",
        "lay transparency on white",
        "convert to 8-bit RGB" if channels == 3 else "convert to 8-bit grey (Pillow's L)",
        f"resize the short side to {side} pixels, bilinear and antialiased (Pillow's BILINEAR), "
        f"and crop the centre {side}×{side}",
    ]
    if (height, width) != (side, side):
        steps.append(f"crop the centre {height}×{width}")
    return f"{'; '.join(steps)}; leave the pixels as integers from 0 to 255: the graph scales them."
