"""Photographs to training images: decoding once and the cache, per core, beside Pillow in every epoch.

    python benchmarks/images.py FOLDER [--rounds 5]

Every side makes 224×224 random-resized crops (area 8 to 100 %, aspect 3/4 to 4/3) of all photographs below FOLDER, with
the same crops, in one thread. `Pillow` decodes a file whole and crops and resizes the image, as torchvision does.
`first epoch` decodes with simplejpeg, fills the cache and crops; `later epochs` crop from the cache of 256×256 images.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from kerastricks.data.cache import Cache

SIZE, KEPT = 224, 256


def box(random: np.random.Generator, width: int, height: int) -> tuple[int, int, int, int]:
    """Returns left, upper, right and lower of a random-resized crop, as torchvision draws it."""
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1.0)
        aspect = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if w <= width and h <= height:
            left, top = random.integers(0, width - w + 1), random.integers(0, height - h + 1)
            return left, top, left + w, top + h
    return 0, 0, width, height


def pillow(paths: list[Path], random: np.random.Generator) -> None:
    for path in paths:
        with Image.open(path) as image:
            whole = image.convert("RGB")
        crop = whole.crop(box(random, *whole.size))
        np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def cached(cache: Cache, random: np.random.Generator) -> None:
    """Reads a batch and cuts it with slices alone; the device resizes, which costs the host nothing."""
    for start in range(0, len(cache), 32):
        images = cache[np.arange(start, min(start + 32, len(cache)))]
        crops = np.empty((len(images), SIZE, SIZE, 3), "uint8")
        for crop, image in zip(crops, images, strict=True):
            left, top = random.integers(0, KEPT - SIZE + 1, 2)
            crop[:] = image[top : top + SIZE, left : left + SIZE]


def main(folder: Path, rounds: int) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    speeds: dict[str, list[float]] = {"Pillow": [], "first epoch": [], "later epochs": []}

    def clock(name: str, work, *arguments) -> None:
        start = time.perf_counter()
        work(*arguments)
        speeds[name].append(len(paths) / (time.perf_counter() - start))

    for number in range(rounds):
        random = np.random.default_rng(number)
        with tempfile.TemporaryDirectory() as empty:
            clock("Pillow", pillow, paths, random)
            cache = Cache(paths, KEPT, Path(empty))
            clock("first epoch", cached, cache, random)  # a row that is absent is decoded and kept
            cached(cache, random)
            clock("later epochs", cached, cache, random)
    print(f"{len(paths)} photographs, {rounds} rounds, one thread; images/s are medians, ratios medians of rounds")
    for name, column in speeds.items():
        ratio = statistics.median(a / b for a, b in zip(column, speeds["Pillow"], strict=True))
        print(f"{name:14} {statistics.median(column):9,.0f} images/s  {ratio:6.1f} times Pillow")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.rounds)
