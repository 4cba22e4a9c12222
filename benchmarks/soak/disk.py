"""Fills the disk while a run is saved, at random points: what was saved before must stand, byte for byte.

    python disk.py CHECKPOINT FOLDER POINTS SEED [--limit]

saves that checkpoint into FOLDER, which is to be a small file system of its own; or, with --limit, within a limit on
the size of a file, which this process sets itself.
"""

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import workload
from workload import Uninterrupted, Workload

from kerastricks.training import checkpoint_file
from kerastricks.training.checkpoints import Checkpoint

SMALL = """
mkdir -p "$1" && mount -t tmpfs -o size="$2" none "$1" && shift 2 && exec "$@"
"""


@contextlib.contextmanager
def full(folder: Path, room: int, limit: bool) -> Iterator[None]:
    """Leaves room for so many bytes more: on the file system of a folder, or in any one file."""
    if limit:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        return
    ballast = folder / "ballast"
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(folder).free - room))
    try:
        yield
    finally:
        ballast.unlink()


def saves(checkpoint: Path, folder: Path, points: int, seed: int, limit: bool) -> list[str]:
    """Saves where the disk gets full at random points; returns what is not as it should be."""
    saved = checkpoint_file.read(checkpoint)
    run = Checkpoint(folder / "checkpoints")
    size = run.save(saved, 1, best=True)
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    random = np.random.default_rng(seed)
    faults = []
    for room in map(int, random.integers(0, size - 4096, points)):  # a file system counts in blocks
        try:
            with full(folder, room, limit):
                run.save(saved, 2, best=bool(room % 2))
            faults.append(f"{room:,} bytes free: it was saved")
        except OSError:
            pass
        if {path.name: path.read_bytes() for path in run.path.iterdir()} != before:
            faults.append(f"{room:,} bytes free: {sorted(path.name for path in run.path.iterdir())} are left")
        found = run.latest()
        if found is None or workload.unequal(found[1].arrays, saved.arrays) or found[1].header != saved.header:
            faults.append(f"{room:,} bytes free: the checkpoint before does not load")
    (run.path / ".00000000-step-00000002.npz").touch()  # of a process that was killed
    run.save(saved, 2)
    if names := sorted(path.name for path in run.path.glob(".*")):
        faults.append(f"after a save that went well, {names} are left")
    return faults


def soak(checkpoint: Path, folder: Path, points: int, seed: int = 0) -> tuple[str, list[str]]:
    """Runs `saves` in a process of its own; returns how the disk was filled, and what is not as it should be."""
    command = [sys.executable, __file__, str(checkpoint), str(folder), str(points), str(seed)]
    room = 4 * checkpoint.stat().st_size + 2**20
    mounted = ["unshare", "--mount", "sh", "-c", SMALL, "sh", str(folder), str(room), *command]
    how = f"a file system of {room / 1e6:.0f} MB"
    try:
        done = subprocess.run(mounted, capture_output=True, text=True)
    except FileNotFoundError:
        done = None
    if done is None or not done.stdout:  # only root may mount one
        how = "RLIMIT_FSIZE"
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([*command, "--limit"], capture_output=True, text=True)
    if done.returncode:
        return how, [done.stderr[-2000:]]
    return how, json.loads(done.stdout)


def run_on(made: Workload, reference: Uninterrupted, run: Path, part: float) -> tuple[str, list[str]]:
    """Trains where no file may be larger than a part of a checkpoint, once there is one; returns what came of it.

    A run that ends well must leave the same model; another must say so in a line, and go on when there is room again.
    """
    process = made.start(made.command(run, "--checkpoint-minutes", "0.001"), None, often=True)
    room = int(part * reference.checkpoint.stat().st_size)
    files: list[Path] = []
    while process.poll() is None and not files:
        files = [*(run / "checkpoints").glob("step-*.npz")]
        time.sleep(1e-3)
    if files:
        hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, hard))
    output = process.communicate()[0].decode(errors="replace").strip()
    if not files or process.returncode not in (0, 1) or "Traceback" in output:
        return f"status {process.returncode}", [output[-2000:]]
    faults = [] if "could not be saved" in output else [f"nothing was said: {output[-2000:]}"]
    said = "it said so and ended well; it"
    if process.returncode:
        said = f"it ended with status 1 (`{output.splitlines()[-1]}`); resumed when there was room, it"
        resumed = made.start([*workload.KERASTRICKS, "train", "--resume", str(run)], None)
        output = resumed.communicate()[0].decode(errors="replace").strip()
    try:
        differs = workload.differences(run, reference.run)
    except OSError as error:
        differs = [f"{error}: {output[-2000:]}"]
    return f"{said} left {'another result' if differs else 'the same model, history and result'}", faults + differs


if __name__ == "__main__":
    source, target, *numbers = sys.argv[1:5]
    points, seed = map(int, numbers)
    print(json.dumps(saves(Path(source), Path(target), points, seed, "--limit" in sys.argv)))
