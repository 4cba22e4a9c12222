"""Photographs to training images: decoding once and the cache, per core, beside Pillow in every epoch.

    python benchmarks/images.py FOLDER [--rounds 5]

In one thread, for all photographs below FOLDER. `Pillow` decodes a file whole, takes a random-resized crop (area 8 to
100 %, aspect 3/4 to 4/3) and brings it to 224×224, as torchvision does. `first epoch` decodes with simplejpeg, fills
the cache of 256×256 images, and crops and resizes from it in the same way; `later epochs` do so from a full cache.
`later, cut alone` cuts 224×224 pixels at a random place and resizes nothing: less work than the other sides do.
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


def read(cache: Cache):
    for start in range(0, len(cache), 32):
        yield from cache[np.arange(start, min(start + 32, len(cache)))]


def resized(cache: Cache, random: np.random.Generator) -> None:
    for pixels in read(cache):
        crop = Image.fromarray(pixels).crop(box(random, KEPT, KEPT))
        np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def cut(cache: Cache, random: np.random.Generator) -> None:
    for pixels in read(cache):
        left, top = random.integers(0, KEPT - SIZE + 1, 2)
        pixels[top : top + SIZE, left : left + SIZE].copy()


def main(folder: Path, rounds: int) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    speeds: dict[str, list[float]] = {"Pillow": [], "first epoch": [], "later epochs": [], "later, cut alone": []}

    def clock(name: str, work, *arguments) -> None:
        start = time.perf_counter()
        work(*arguments)
        speeds[name].append(len(paths) / (time.perf_counter() - start))

    for number in range(rounds):
        random = np.random.default_rng(number)
        with tempfile.TemporaryDirectory() as empty:
            clock("Pillow", pillow, paths, random)
            cache = Cache(paths, KEPT, Path(empty))
            clock("first epoch", resized, cache, random)  # a row that is absent is decoded and kept
            clock("later epochs", resized, cache, random)
            clock("later, cut alone", cut, cache, random)
    print(f"{len(paths)} photographs, {rounds} rounds, one thread; images/s are medians, ratios medians of rounds")
    for name, column in speeds.items():
        ratio = statistics.median(a / b for a, b in zip(column, speeds["Pillow"], strict=True))
        print(f"{name:16} {statistics.median(column):9,.0f} images/s  {ratio:6.1f} times Pillow")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.rounds)
