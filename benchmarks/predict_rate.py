"""Rate and memory of `predict` on many small files, beside decoding and `model.predict` on the same files.

    python benchmarks/predict_rate.py [--files 20000] [--size 96] [--model MobileNetV2] [--folder PHOTOGRAPHS]

A folder of JPEG files is made: random blocks of colour, or links to the photographs of a folder, again and again. One
process runs `predict` on it. Then, in the same process, the peer decodes as many batches into one array as its memory
should hold, by threads, and calls `model.predict` on it, until all files are done. Both compile the model in the
time that is taken. Rounds alternate; the ratio is that of the medians of their rates.
"""

import argparse
import itertools
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

PIECE = 1024  # files that the peer decodes at a time
POINTS = 5  # at which the resident memory is told


def make(folder: Path, count: int, photographs: str | None) -> None:
    """Fills a folder with JPEG files."""
    random = np.random.default_rng(0)
    own = sorted(path for path in Path(photographs).rglob("*") if path.is_file()) if photographs else []
    for index, path in zip(range(count), itertools.cycle(own or [None]), strict=False):
        target = folder / f"{index:06}.jpg"
        if path is not None:
            os.symlink(path.resolve(), target)
        else:
            blocks = Image.fromarray(random.integers(0, 256, (12, 12, 3), "uint8"))
            blocks.resize((160, 120), Image.Resampling.BICUBIC).save(target, quality=85)


def resident() -> int:
    """Returns the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def predicted(model: str, folder: str, count: int, batch_size: int) -> tuple[float, list[int]]:
    """Returns files a second of `predict`, and the resident memory at some points."""
    from kerastricks.commands.model_task import PredictTask
    from kerastricks.commands.predict import predict

    rows = predict(PredictTask(model, [folder], batch_size=batch_size))
    start, memory = time.perf_counter(), []
    for index, row in enumerate(rows, start=1):
        assert "error" not in row, row
        if index % max(1, count // POINTS) == 0:
            memory.append(resident())
    return count / (time.perf_counter() - start), memory


def peer(model: str, folder: str, size: int, batch_size: int) -> float:
    """Returns files a second of decoding in threads and `model.predict`."""
    import keras

    from kerastricks.data.decode import decode

    network = keras.saving.load_model(model, compile=False)
    paths = sorted(Path(folder).iterdir())
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(paths), PIECE):
            piece = paths[first : first + PIECE]
            images = np.stack(list(pool.map(lambda path: decode(path, size), piece))).astype("float32")
            network.predict(images, batch_size=batch_size, verbose=0)
    return len(paths) / (time.perf_counter() - start)


def main(files: int, size: int, name: str, folder: str | None, batch_size: int, rounds: int) -> None:
    from kerastricks.models import Description, build, describe

    with tempfile.TemporaryDirectory() as work:
        images, model = Path(work, "images"), str(Path(work, "model.keras"))
        images.mkdir()
        make(images, files, folder)
        build(name, classes=10, input_shape=(size, size, 3)).save(model)
        describe(model, Description(tuple("0123456789"), size))
        few = Path(work, "few")
        few.mkdir()
        make(few, 2 * batch_size, folder)
        predicted(model, str(few), 2 * batch_size, batch_size)  # imports and compiles
        rates: dict[str, list[float]] = {"predict": [], "peer": []}
        for _ in range(rounds):
            rate, memory = predicted(model, str(images), files, batch_size)
            rates["predict"].append(rate)
            rates["peer"].append(peer(model, str(images), size, batch_size))
            print("resident memory, MB:", ", ".join(f"{bytes_ / 1e6:,.0f}" for bytes_ in memory), flush=True)
        ours, other = (statistics.median(rates[side]) for side in rates)
        print(f"{files:,} files, {name} at {size} pixels, batch {batch_size}, median of {rounds}:")
        print(f"predict {ours:,.0f} files/s, decode and model.predict {other:,.0f}: {ours / other:.2f} times as fast")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--model", default="MobileNetV2")
    parser.add_argument("--folder", help="photographs to repeat, in place of random files")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    main(given.files, given.size, given.model, given.folder, given.batch_size, given.rounds)
