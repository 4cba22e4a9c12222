"""The three backends against each other: the same weights and batches, ten steps, the same result."""

import importlib.util
import itertools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

BACKENDS = ("tensorflow", "jax", "torch")
pytestmark = [
    pytest.mark.skipif(
        not all(importlib.util.find_spec(name) for name in BACKENDS), reason="needs all three: make install-all"
    ),
    pytest.mark.skipif(keras.backend.backend() != "jax", reason="runs all three itself; once is enough"),
]

PROGRAM = """
import sys
import numpy as np
import kerastricks as kt

random = np.random.default_rng(0)
images = random.integers(0, 256, (80, 8, 8, 3), "uint8")
labels = random.integers(0, 4, 80).astype("int32")
# With fewer than 8 channels oneDNN's strided 1x1 convolutions have wrong gradients on AVX2 (its issue 6035).
model = kt.models.build("resnet20", classes=4, input_shape=(8, 8, 3), width=8)
for variable in model.trainable_variables:
    if variable.name == "kernel":
        scale = np.sqrt(2 / np.prod(variable.shape[:-1]))
        variable.assign(random.normal(0, scale, variable.shape).astype("float32"))
recipe = kt.Recipe((
    kt.LinearScaling(64), kt.Warmup(0.2), kt.Hold(0.2), kt.CosineDecay(),
    kt.ZeroGamma(), kt.NoBiasDecay(), kt.LabelSmoothing(), kt.MixUp(),
))
history = recipe.fit(model, (images, labels), validation_data=(images, labels), epochs=1, batch_size=8, verbose=0)
np.savez(sys.argv[1], history.history["loss"], history.history["val_loss"], *model.get_weights())
"""


@pytest.mark.slow
def test_ten_steps_of_the_full_recipe_agree(tmp_path):
    results = {}
    for backend in BACKENDS:
        path = tmp_path / f"{backend}.npz"
        environment = {**os.environ, "KERAS_BACKEND": backend}
        subprocess.run([sys.executable, "-c", PROGRAM, str(path)], env=environment, check=True, capture_output=True)
        with np.load(path) as arrays:
            results[backend] = [arrays[name] for name in arrays.files]
    for first, second in itertools.combinations(BACKENDS, 2):
        for a, b in zip(results[first], results[second], strict=True):
            assert a == pytest.approx(b, abs=1e-4), (first, second)
