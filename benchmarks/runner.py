"""What the runner of `kerastricks ablate` costs: its own time beside the training, and what a second worker saves.

    python benchmarks/runner.py [--rounds 3]

Runs the command on `digits`, three arms and four seeds, with one worker and with two, by turns. Its own time is all
that is no training: start-up, reading data, building models, bookkeeping, the report. Asked: at most 10 % of the
training with one worker; at most 0.65 of its time with two.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kerastricks.commands.environment import environment

ABLATE = ("ablate", "digits", "--recipe", "tutorial", "--tricks", "MixUp", "CosineDecay")
LENGTH = ("--seeds", "4", "--epochs", "30")


def turn(workers: int) -> tuple[float, float]:
    """Returns the seconds of the whole command, and those of training added up over its runs."""
    with tempfile.TemporaryDirectory() as folder:
        where = ("--workers", str(workers), "--out", folder)
        command = [sys.executable, "-m", "kerastricks.cli", *ABLATE, *LENGTH, *where]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - start
        return seconds, json.loads(Path(folder, "results.json").read_text(encoding="utf-8"))["seconds"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    own, saved = [], []
    for _ in range(arguments.rounds):
        (alone, trained), (beside, _) = turn(1), turn(2)
        own.append((alone - trained) / trained)
        saved.append(beside / alone)
        print(f"# one worker {alone:.0f} s, of which {trained:.0f} s training; two workers {beside:.0f} s", flush=True)
    about = environment()
    print(f"12 runs on digits, {about['backend']}; {about['hardware']}; medians of {arguments.rounds} rounds")
    print(f"own time of the runner   {statistics.median(own):6.1%} of the training, one worker")
    print(f"two workers take         {statistics.median(saved):6.2f} of the time of one")
