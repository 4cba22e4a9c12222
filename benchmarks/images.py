"""Photographs to training images: decoding once and the cache, per core, beside Pillow in every epoch.

    python benchmarks/images.py FOLDER [--rounds 5]

For all photographs below FOLDER, in one thread. `Pillow` decodes a file whole, takes a random-resized crop (area 8 to
100 %, aspect 3/4 to 4/3) and brings it to 224×224, as torchvision does. `first epoch` decodes with simplejpeg, keeps
images of 256×256 in the cache, and draws crops; `later epochs` reads the cache and draws. That is what the host does
in training: the crop itself is cut and resized by the training step, on the device, with `RandomResizedCrop(224)`.
`the crop itself` is that step alone, on the device at hand, with all its threads. `later, on the host` cuts and resizes
with Pillow in place of the device.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import kerastricks as kt
from kerastricks.commands.environment import environment
from kerastricks.data.cache import Cache
from kerastricks.training.batches import draw
from kerastricks.training.engine import Engine

SIZE, KEPT, BATCH = 224, 256, 32


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


def drawn(cache: Cache, trick: kt.RandomResizedCrop, seed: int) -> list[tuple]:
    """Does what the host does in training: pixels, and the draws of their crops."""
    plan = kt.Plan(1, -(-len(cache) // BATCH), BATCH, seed)
    steps = (np.arange(start, min(start + BATCH, len(cache))) for start in range(0, len(cache), BATCH))
    return [(cache[rows], draw((trick,), len(rows), step, plan)) for step, rows in enumerate(steps)]


def cropper(trick: kt.RandomResizedCrop):
    """Returns a function that crops a batch in the compiled training step of an engine, and waits for it."""
    network = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten()])
    engine = Engine(network, (trick,), 2)
    labels = np.zeros(BATCH, "int32")

    def crop(batches: list[tuple]) -> None:
        for pixels, draws in batches:
            images, _ = transform({"images": pixels, **draws}, labels[: len(pixels)])
            keras.ops.convert_to_numpy(images[0, 0, 0])

    transform = compiled(engine.transform)
    return crop


def compiled(function):
    """Compiles as Keras' training step does on the backend at hand."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return tensorflow.function(function)
    return function


def main(folder: Path, rounds: int) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    sides = ("Pillow", "first epoch", "later epochs", "the crop itself", "later, on the host")
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    trick = kt.RandomResizedCrop(SIZE)
    crop = cropper(trick)

    def clock(name: str, work, *arguments):
        start = time.perf_counter()
        done = work(*arguments)
        speeds[name].append(len(paths) / (time.perf_counter() - start))
        return done

    for number in range(rounds):
        random = np.random.default_rng(number)
        with tempfile.TemporaryDirectory() as empty:
            clock("Pillow", pillow, paths, random)
            cache = Cache(paths, KEPT, Path(empty))
            clock("first epoch", drawn, cache, trick, number)  # a row that is absent is decoded and kept
            batches = clock("later epochs", drawn, cache, trick, number)
            if not number:
                crop(batches)  # compiles
            clock("the crop itself", crop, batches)
            clock("later, on the host", resized, cache, random)
    about = environment()
    print(f"{len(paths)} photographs, {rounds} rounds, one thread; {about['hardware']}; crop on {about['backend']}")
    print("images/s are medians, ratios medians of rounds")
    for name, column in speeds.items():
        ratio = statistics.median(a / b for a, b in zip(column, speeds["Pillow"], strict=True))
        print(f"{name:18} {statistics.median(column):9,.0f} images/s  {ratio:6.1f} times Pillow")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.rounds)
