"""Memory of training from a folder, beyond the framework's own, for growing numbers of images.

    python benchmarks/memory.py [--images 5000 50000] [--size 32]

For each number a folder of random JPEG files is made, and a process trains a small model on it for an epoch, from the
cache. Another trains the same model on five batches in an array, for the framework's own memory. The figure is the
difference of their peak resident memory.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image


def make(folder: Path, count: int, size: int) -> None:
    random = np.random.default_rng(0)
    for index in range(count):
        path = folder / str(index % 10) / f"{index}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 256, (size, size, 3), "uint8")).save(path, quality=80)


def peak(folder: str, kind: str, size: int) -> None:
    """Trains, and prints the peak resident memory of this process in bytes."""
    import kerastricks as kt

    if kind == "folder":
        train = kt.data.load(folder).train
    else:
        train = (np.zeros((640, size, size, 3), "uint8"), np.arange(640) % 10)
    model = kt.models.build("resnet20", classes=10, input_shape=(size, size, 3), width=4)
    kt.Recipe(learning_rate=0.01).fit(model, train, epochs=1, verbose=0)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def main(counts: list[int], size: int) -> None:
    print(f"{'images':>8}  {'on disk':>9}  peak beyond the framework's own")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
            make(Path(folder), count, size)
            figures = {}
            for kind in ("folder", "folder", "array"):  # the first fills the cache
                command = [sys.executable, __file__, "--work", folder, kind, "--size", str(size)]
                environment = {**os.environ, "KERASTRICKS_CACHE": cache}
                output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
                figures[kind] = max(figures.get(kind, 0), int(output.split()[-1]))
            pixels = count * size * size * 3
            print(f"{count:8,}  {pixels / 1e6:6,.0f} MB  {(figures['folder'] - figures['array']) / 1e6:,.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[5_000, 50_000])
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        peak(*arguments.work, arguments.size)
    else:
        main(arguments.images, arguments.size)
