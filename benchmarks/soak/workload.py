"""The run that the soak stops, damages and repeats: a command line, a recipe file and a network of a user's."""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

EPOCHS, IMAGES, BATCH = 12, 400, 32
STEPS = -(-IMAGES // BATCH)
BATCHES = EPOCHS * STEPS
# A layer of 400,000 parameters beside a small one: a checkpoint of 6 MB, which takes a moment to write.
NETWORK = """
import sys
import keras
from keras import layers
keras.utils.set_random_seed(7)
x = inputs = keras.Input((8, 8, 1))
x = layers.Conv2D(16, 3, padding="same", use_bias=False)(layers.Rescaling(1 / 255)(x))
x = layers.Dropout(0.1)(layers.ReLU()(layers.BatchNormalization()(x)))
x = layers.Dropout(0.3)(layers.Dense(400, "relu")(layers.Flatten()(x)))
keras.Model(inputs, layers.Dense(10)(x)).save(sys.argv[1])
"""
# It logs where the run is; and where runs are killed, each saves whenever that is due: by the rule of at most 3 % of
# the time a run of some seconds would be saved once.
RECIPE = """
import os
import time

import keras
import kerastricks as kt
import kerastricks.commands.train as command


class Log(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self._epoch = self._step = 0
        self._file = os.open(os.environ["SOAK_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._tell("begun")

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self._step = self._epoch * self.params["steps"] + batch
        self._tell("training")

    def on_test_batch_begin(self, batch, logs=None):
        self._step = (self._epoch + 1) * self.params["steps"]
        self._tell("validation")

    def on_train_end(self, logs=None):
        self._step = self.params["epochs"] * self.params["steps"]
        self._tell("reporting")

    def _tell(self, phase):
        os.write(self._file, f"{time.time()} {phase} {self._step}\\n".encode())


class Logged(kt.Trick):
    def callbacks(self, callbacks, plan):
        return [*callbacks, Log()]


class Often(kt.Checkpoint):
    def __post_init__(self):
        object.__setattr__(self, "share", 1.0)
        super().__post_init__()


if os.environ.get("SOAK_OFTEN"):
    command.Checkpoint = Often

recipe = kt.Recipe(
    (
        kt.Freeze(2), kt.GradientAccumulation(2), kt.Warmup(1), kt.CosineDecay(), kt.RandomCrop(1), kt.MixUp(0.2),
        kt.LabelSmoothing(), kt.EMA(0.95), Logged(),
    ),
    learning_rate=0.02, epochs=EPOCHS, batch_size=BATCH,
)
"""


class Event(NamedTuple):
    """A line of a run's log: when, what the run was about to do, and how many batches of it were done."""

    time: float
    phase: str
    step: int


KERASTRICKS = [sys.executable, "-m", "kerastricks.cli"]


class Workload(NamedTuple):
    """A folder with a network and a recipe, and the backend of its runs."""

    base: Path
    backend: str

    def command(self, out: Path, *options: str) -> list[str]:
        """Returns the command that begins a run."""
        words = ["train", "digits", "--images", str(IMAGES), "--recipe", str(self.base / "recipe.py")]
        return [*KERASTRICKS, *words, "--model", str(self.base / "network.keras"), "--out", str(out), *options]

    def start(self, command: list[str], log: Path | None, often: bool = False) -> subprocess.Popen:
        """Starts a command, whose output goes to the file of its log with `.txt`; without a log, to a pipe."""
        own = {"SOAK_LOG": os.devnull if log is None else str(log), "SOAK_OFTEN": "1" if often else ""}
        with contextlib.ExitStack() as stack:
            output: Any = subprocess.PIPE
            if log is not None:
                output = stack.enter_context(open(log.with_suffix(".txt"), "wb"))
            return subprocess.Popen(
                command, env=self.variables() | own, stdout=output, stderr=subprocess.STDOUT, cwd=self.base
            )

    def variables(self) -> dict[str, str]:
        """Returns the environment of the runs: JAX compiles each program once for all of them."""
        own = {"KERAS_BACKEND": self.backend, "KERASTRICKS_CACHE": str(self.base / "cache"), "TMPDIR": str(self.base)}
        own |= {"JAX_COMPILATION_CACHE_DIR": str(self.base / "jax"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        return {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **own}


class Uninterrupted(NamedTuple):
    """A run that nothing stopped: its directory, its log, and when it started and ended."""

    run: Path
    log: list[Event]
    start: float
    end: float

    @property
    def checkpoint(self) -> Path:
        """The last one."""
        return max((self.run / "checkpoints").glob("step-*.npz"))

    @property
    def about(self) -> dict[str, Any]:
        """What `run.json` holds: backend, versions and hardware among it."""
        return json.loads((self.run / "run.json").read_text(encoding="utf-8"))


def make(base: Path, backend: str) -> Workload:
    """Writes the network and the recipe."""
    base.mkdir(parents=True, exist_ok=True)
    found = Workload(base, backend)
    (base / "recipe.py").write_text(f"EPOCHS, BATCH = {EPOCHS}, {BATCH}\n{RECIPE}", encoding="utf-8")
    network = [sys.executable, "-c", NETWORK, str(base / "network.keras")]
    subprocess.run(network, check=True, env=found.variables(), capture_output=True)
    return found


def uninterrupted(made: Workload) -> Uninterrupted:
    """Trains without a stop, saved by the rules."""
    run, log = made.base / "reference", made.base / "reference.log"
    start = time.time()
    finish(made.start(made.command(run), log), log)
    return Uninterrupted(run, events(log), start, time.time())


def finish(process: subprocess.Popen, log: Path) -> None:
    """Waits for a run's end.

    Raises:
        RuntimeError: If it did not end well.
    """
    process.wait()
    if process.returncode:
        output = log.with_suffix(".txt").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{' '.join(map(str, process.args))}: status {process.returncode}: {output[-2000:]}")


def events(log: Path) -> list[Event]:
    """Returns the lines of a log."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [Event(float(time), phase, int(step)) for time, phase, step in map(str.split, lines)]


def weights(path: Path) -> dict[str, np.ndarray]:
    """Returns the weights in a `.keras` file, by their places in it."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        content = archive.read("model.weights.h5")
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(lambda name, one: found.update({name: one[()]}) if isinstance(one, h5py.Dataset) else None)
    return {name: array for name, array in found.items() if not name.startswith("optimizer")}


def table(path: Path) -> list[dict[str, str]]:
    """Returns a history without what the clock says, as the file's own words."""
    with open(path, encoding="utf-8", newline="") as file:
        return [{name: value for name, value in row.items() if name != "data_wait"} for row in csv.DictReader(file)]


def result(path: Path) -> dict[str, Any]:
    """Returns the figures of a `result.json` without what the clock says."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: value for name, value in found.items() if name not in ("seconds", "images_per_second")}


def differences(run: Path, reference: Path) -> list[str]:
    """Returns what a run left that is not, bit for bit, what another left; none if all is."""
    found = [f"{name} is missing" for name in ("report.html", "run.json") if not (run / name).is_file()]
    for name in ("model.keras", "model_averaged.keras"):
        found += [f"{name}: {line}" for line in unequal(weights(run / name), weights(reference / name))]
    for read, name in ((table, "history.csv"), (result, "result.json")):
        if read(run / name) != read(reference / name):
            found.append(f"{name}: {read(run / name)} and {read(reference / name)}")
    return found


def unequal(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> list[str]:
    """Returns the names of arrays that are not the same bytes on both sides."""
    return [
        name
        for name in sorted({*one, *other})
        if name not in one or name not in other or one[name].tobytes() != other[name].tobytes()
    ]
