"""What it costs to save a run at the default interval: the same training with checkpoints and without, by turns.

    python cost.py NETWORK PIXELS BATCH SECONDS ROUNDS

trains for about so many seconds each time, on random images, and prints the figures as JSON.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RUNS = (("resnet20", 32, 128, 30, 3), ("resnet50", 64, 16, 90, 1))
EPOCHS = 5


def measure(name: str, pixels: int, batch: int, seconds: float, rounds: int, folder: Path) -> dict[str, Any]:
    """Returns the figures of a network: of each round the seconds with checkpoints and without, and those of saving."""
    import keras
    import numpy as np

    import kerastricks as kt
    from kerastricks.commands.environment import environment
    from kerastricks.models import saved
    from kerastricks.training.saver import Saver

    class Batches(keras.callbacks.Callback):
        """Notes when the batches begin."""

        def on_epoch_begin(self, epoch, logs=None):
            times.append([])

        def on_train_batch_begin(self, batch, logs=None):
            times[-1].append(time.perf_counter())

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (32 * batch, pixels, pixels, 3), "uint8")
    labels = random.integers(0, 10, len(images)).astype("int32")
    recipe = kt.Recipe((kt.LabelSmoothing(),), learning_rate=0.01, batch_size=batch)
    times: list[list[float]] = []
    spent: list[float] = []
    Saver.save = timed(Saver.save, spent)

    def fit(steps: int, epochs: int, checkpoint: Any = None) -> dict[str, float]:
        """Returns the seconds of a run and of its savings, and the median of the milliseconds of a batch."""
        model = kt.models.build(name, classes=10, input_shape=(pixels, pixels, 3))
        chosen = np.arange(steps * batch) % len(images)
        times.clear(), spent.clear()
        start = time.perf_counter()
        recipe.fit(
            model,
            (images[chosen], labels[chosen]),
            validation_data=(images[:batch], labels[:batch]),
            epochs=epochs,
            callbacks=[Batches()],
            checkpoint=checkpoint,
            verbose=0,
        )
        whole = time.perf_counter() - start
        milliseconds = 1e3 * statistics.median(np.concatenate([np.diff(one) for one in times]))
        return {"seconds": whole, "batch": milliseconds, "saved": len(spent), "saving": sum(spent)}

    steps = max(2, round(1e3 * seconds / fit(8, 1)["batch"] / EPOCHS))
    turns = []
    for turn in range(rounds):
        run = folder / f"{turn}"
        kept = kt.Checkpoint(
            run / "checkpoints", on_best=lambda engine, run=run: saved.save(engine, run / "model.keras")
        )
        turns.append((fit(steps, EPOCHS, kept), fit(steps, EPOCHS)))
    size = kept.files()[-1].stat().st_size
    return {"network": name, "pixels": pixels, "batch": batch, "size": size, "turns": turns, "about": environment()}


def timed(function: Callable, spent: list[float]) -> Callable:
    """Returns a function that does the same and adds its seconds to `spent`."""

    def measured(*arguments: Any, **settings: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **settings)
        finally:
            spent.append(time.perf_counter() - start)

    return measured


def soak(backend: str, folder: Path, runs: tuple = RUNS) -> list[dict[str, Any]]:
    """Returns what `measure` finds of each network, in a process of its own."""
    found = []
    for run in runs:
        command = [sys.executable, __file__, *map(str, run)]
        variables = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "KERAS_BACKEND": backend, "TMPDIR": str(folder)}
        done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def row(found: dict[str, Any]) -> tuple[str, float]:
    """Returns the figures of a network as a row of Markdown, and the share of the time that saving took."""
    turns = found["turns"]
    median = statistics.median
    share = median(one["saving"] / one["seconds"] for one, _ in turns)
    seconds = [median(turn[side]["seconds"] for turn in turns) for side in (0, 1)]
    batch = median(one["batch"] / other["batch"] for one, other in turns)
    whole = median(one["seconds"] / other["seconds"] for one, other in turns)
    line = (
        f"| {found['network']}, {found['pixels']} px, batch {found['batch']} | {found['size'] / 1e6:.1f} MB "
        f"| {seconds[0]:.1f} s | {seconds[1]:.1f} s | {whole - 1:+.1%} | {median(one['saved'] for one, _ in turns):g} "
        f"in {median(one['saving'] for one, _ in turns):.2f} s | {share:.2%} | {batch - 1:+.1%} |"
    )
    return line, share


if __name__ == "__main__":
    name, *numbers = sys.argv[1:6]
    pixels, batch, seconds, rounds = map(int, numbers)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(name, pixels, batch, seconds, rounds, Path(folder))))
