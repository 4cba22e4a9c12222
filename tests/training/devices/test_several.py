"""Several devices against one: the same losses, figures and counts. Each run is a process, which has the devices."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import keras
import pytest

BACKEND = keras.backend.backend()
CASES = {"jax": [(2, 1), (4, 1), (1, 2)], "tensorflow": [(2, 1), (4, 1)], "torch": []}


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[3] / "benchmarks" / "devices.py"
    spec = importlib.util.spec_from_file_location("devices_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def alone(benchmark):
    return benchmark.started(BACKEND, 1)[0]


@pytest.mark.slow
@pytest.mark.parametrize(("devices", "processes"), CASES[BACKEND])
def test_equals_one_device(benchmark, alone, devices, processes):
    found = benchmark.started(BACKEND, devices, processes)
    assert len(alone["losses"]) == 56 and alone["losses"][-1] < alone["losses"][0]
    for each in found:  # every process sees the same
        losses, figures, counts = benchmark.differences(alone, each)
        assert losses < 1e-5 and figures < 1e-5 and counts == 0
    assert found[0]["evaluated"] == pytest.approx(alone["evaluated"], abs=1e-5)


def test_differences_are_found(benchmark):
    one = {"losses": [1.0, 0.5], "history": {"val_accuracy": [0.2], "val_averaged_accuracy": [0.4]}}
    other = {"losses": [1.0, 0.25], "history": {"val_accuracy": [9 / 45], "val_averaged_accuracy": [19 / 45]}}
    losses, figures, counts = benchmark.differences(one, other)
    assert (losses, counts) == (0.25, 1) and figures == pytest.approx(1 / 45)


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "torch", reason="Keras 3.15 trains on one device on PyTorch")
def test_moments_of_parts(tmp_path):
    """Two devices, rows 0 and 1, 2 and 3 of one channel: variance 1 in each half, 26 over all, and the mean of both."""
    program = tmp_path / "parts.py"
    program.write_text(
        """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras, numpy as np, kerastricks as kt
from kerastricks.data.randomness import permutation
order = permutation(0, 0, 4)
images = np.zeros((4, 1, 1, 1), "float32")
images[order, 0, 0, 0] = [0, 2, 10, 12]  # the first batch takes them so
for synchronized in (True, False):
    norm = keras.layers.BatchNormalization(momentum=0.0)
    layers = [keras.layers.Input((1, 1, 1)), norm, keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    kt.Recipe(()).fit(
        model, (images, np.array([0, 1, 0, 1])), epochs=1, batch_size=4, verbose=0, devices=2, synchronized=synchronized
    )
    print(*(float(keras.ops.convert_to_numpy(moving)[0]) for moving in (norm.moving_mean, norm.moving_variance)))
""",
        encoding="utf-8",
    )
    said = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True).stdout.split()
    assert [*map(float, said)] == pytest.approx([6, 26, 6, 1], abs=1e-4)
