"""Damages a checkpoint in random places, and reads it: none may load in silence."""

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kerastricks.training import checkpoint_file
from kerastricks.training.checkpoints import Checkpoint


def damaged(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yields copies of a file, cut short and with one bit flipped by turns, and what was done to each."""
    random = np.random.default_rng(seed)
    for index in range(count):
        at = int(random.integers(len(content)))
        if index % 2:
            yield f"cut to {at:,} of {len(content):,} bytes", content[:at]
            continue
        copy = bytearray(content)
        bit = int(random.integers(8))
        copy[at] ^= 1 << bit
        yield f"bit {bit} of byte {at:,} flipped", bytes(copy)


def soak(checkpoint: Path, folder: Path, count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Reads `count` damaged copies of a checkpoint; returns what became of them, and what is not as it should be.

    Each must be refused with a `ValueError`; and where one is the newest of a run, the one before it must be taken.
    """
    content = checkpoint.read_bytes()
    found: Counter[str] = Counter()
    faults: list[str] = []
    run = Checkpoint(folder / "checkpoints")
    run.path.mkdir(parents=True)
    before, newest = (run.path / f"step-{step:08}.npz" for step in (1, 2))
    before.write_bytes(content)
    for what, copy in damaged(content, count, seed):
        newest.write_bytes(copy)
        try:
            checkpoint_file.read(newest)
            faults.append(f"{what}: loaded in silence")
        except ValueError:
            found["refused"] += 1
        except Exception as error:  # what a command would not explain
            faults.append(f"{what}: {error!r}")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            taken = run.latest()
        if taken is not None and taken[0] == before and len(said) == 1:
            found["the one before taken"] += 1
        else:
            faults.append(f"{what}: {taken and taken[0]} taken, {len(said)} warnings")
    return found, faults
