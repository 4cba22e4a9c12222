"""Images that are both to train on and to validate with."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerastricks.data import Data
from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.diagnosis.sample import Sample

MOST = 2 << 30  # bytes of a side that are read


def duplicates(case: Case) -> Iterator[Finding]:
    """Validation images that are among the training images, pixel by pixel."""
    if case.train is None or case.validation is None or not case.train.are_images:
        return
    train, held_out = set(_digests(case.train)), list(_digests(case.validation))
    twice = sum(digest in train for digest in held_out if digest is not None)
    if twice:
        yield Finding(
            "duplicates across the split",
            "Validation images are among the training images, and figures on them say too much.",
            f"{twice:,} of {len(held_out):,} validation images ({twice / len(held_out):.1%}), pixel by pixel",
            "Take them out of one side, or split by what they have in common.",
        )


def _digests(part: Sample) -> Iterator[bytes | None]:
    """Yields a digest of the pixels of each image; None for one of a single colour."""
    images: Any = part.images
    if part.arrays is not None and isinstance(part.arrays.images, np.ndarray) and part.arrays.images.nbytes <= MOST:
        images = part.arrays.images
    for image in images:
        pixels = np.ascontiguousarray(image, "float32")
        flat = np.ptp(pixels.reshape(-1, pixels.shape[-1]), axis=0).max() == 0
        yield None if flat else hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()


def among_files(data: Data) -> list[Finding]:
    """Returns a finding where files to judge by are among those to train on, byte for byte."""
    if not data.duplicates:
        return []
    count = len(data.validation[1]) + (len(data.test[1]) if data.test is not None else 0)
    return [
        Finding(
            "duplicates across the split",
            "Images to judge by are among the training images, and figures on them say too much.",
            f"{data.duplicates:,} of {count:,} ({data.duplicates / count:.1%}), byte for byte",
            "Take them out of one side: the note of kerastricks train names them.",
        )
    ]
