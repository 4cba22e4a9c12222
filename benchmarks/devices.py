"""Several devices against one: the same run on virtual devices of the CPU, and in two processes on the loopback.

    python benchmarks/devices.py [--backends jax tensorflow]

Each run is a process of its own: 56 steps of a small network with two BatchNormalization layers, mixup, flips,
accumulation over two batches, averaged weights and a partial last batch (202 images in batches of 32), with validation
(45 images). Printed is the largest difference from one device: of the loss of a step, of the epochs' figures, and of
the number of validation images that are right.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
VALIDATION = 45
# How many devices a process has, and processes.
CASES = {"jax": ((1, 1), (2, 1), (4, 1), (1, 2)), "tensorflow": ((1, 1), (2, 1), (4, 1))}


def run(backend: str, devices: int, address: str = "", process: int = 0) -> dict[str, Any]:
    """Trains in this process, which has computed nothing before, and returns the losses of the steps and the history.

    Args:
        backend: `jax` or `tensorflow`.
        devices: How many the process is to have.
        address: Of process 0, where two train together.
        process: The number of this one.
    """
    os.environ["KERAS_BACKEND"], os.environ["TF_CPP_MIN_LOG_LEVEL"] = backend, "3"
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    if backend == "tensorflow":
        import tensorflow as tf

        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    import keras
    import numpy as np

    import kerastricks as kt
    from kerastricks.training.devices import hosts

    if address:
        hosts.join(address, 2, process)
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (202, 12, 12, 3)).astype("uint8")
    labels = images.mean((1, 2)).argmax(1).astype("int32")
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Rescaling(1 / 128, -1),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(16, 3, strides=2, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    tricks = (kt.MixUp(), kt.RandomFlip(), kt.GradientAccumulation(2), kt.GradientClipping(0.5), kt.EMA(0.9))
    recipe = kt.Recipe((*tricks, kt.NoBiasDecay()), learning_rate=0.02, weight_decay=1e-3)
    losses: list[float] = []
    log = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(float(logs["loss"])))
    log.async_safe = False
    history = recipe.fit(
        model,
        (images, labels),
        validation_data=(images[:VALIDATION], labels[:VALIDATION]),
        epochs=8,
        batch_size=32,
        callbacks=[log],
        verbose=0,
        devices=devices,
    )
    figures = {name: values for name, values in history.history.items() if name != "data_wait"}
    if address:
        hosts.leave()
    return {"losses": losses, "history": figures, "evaluated": model.evaluate(images, labels, verbose=0)}


def started(backend: str, devices: int, processes: int = 1) -> list[dict[str, Any]]:
    """Returns what `run` returns in each of the processes, which are started for it."""
    words = [sys.executable, __file__, "--child", backend, str(devices)]
    address = f"127.0.0.1:{_free_port()}"
    rest = [[address, str(number)] if processes > 1 else [] for number in range(processes)]
    settings: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen([*words, *more], **settings) for more in rest]
    found = []
    for child in children:
        said, errors = child.communicate(timeout=600)
        if child.returncode:
            raise RuntimeError(errors)
        found.append(json.loads(said.splitlines()[-1]))
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> tuple[float, float, int]:
    """Returns the largest difference of a step's loss, of an epoch's figure, and of the images that are right."""
    losses = max(abs(a - b) for a, b in zip(one["losses"], other["losses"], strict=True))
    pairs = [zip(values, other["history"][name], strict=True) for name, values in one["history"].items()]
    figures = max(abs(a - b) for pair in pairs for a, b in pair)
    counts = [
        [round(VALIDATION * share) for name in ("val_accuracy", "val_averaged_accuracy") for share in found[name]]
        for found in (one["history"], other["history"])
    ]
    return losses, figures, max(abs(a - b) for a, b in zip(*counts, strict=True))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        backend, devices, *rest = sys.argv[2:]
        print(json.dumps(run(backend, int(devices), *rest[:1], *map(int, rest[1:]))), flush=True)
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", nargs="+", default=[*CASES], choices=[*CASES])
    arguments = parser.parse_args()
    from kerastricks.commands.environment import environment

    about = environment()
    print(f"{about['hardware']}; {', '.join(f'{name} {number}' for name, number in about['versions'].items())}\n")
    print("| backend | processes × devices | loss of a step | figures of an epoch | validation images |")
    print("|---|---|---|---|---|")
    for backend in arguments.backends:
        (alone,) = started(backend, 1)
        for devices, processes in CASES[backend][1:]:
            for found in started(backend, devices, processes)[:1]:
                losses, figures, counts = differences(alone, found)
                print(f"| {backend} | {processes} × {devices} | {losses:.1e} | {figures:.1e} | {counts} |", flush=True)
