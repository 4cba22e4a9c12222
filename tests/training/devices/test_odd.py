"""Two devices against one where batches do not divide, without mixing, and with losses beside the first."""

import json
import subprocess
import sys

import keras
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras 3.15 trains on one device on PyTorch"),
]
PROGRAM = """
import json, os, sys
count = int(sys.argv[1])
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={count}"
if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
import keras, numpy as np, kerastricks as kt

random = np.random.default_rng(0)
images, labels = random.integers(0, 255, (31, 8, 8, 3)).astype("uint8"), random.integers(0, 3, 31)

def network():
    keras.utils.set_random_seed(0)
    convolution, norm = keras.layers.Conv2D(8, 3), keras.layers.BatchNormalization()
    begin = [keras.layers.Input((8, 8, 3)), keras.layers.Rescaling(1 / 128, -1), convolution, norm]
    return keras.Sequential([*begin, keras.layers.ReLU(), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])

def fit(model, *tricks, **settings):
    recipe = kt.Recipe(tricks, learning_rate=0.05)
    held_out = {"validation_data": (images[:9], labels[:9]), "epochs": 2, "batch_size": 16, "verbose": 0, **settings}
    return recipe.fit(model, (images, labels), **held_out, devices=count)

found = {}
for name, tricks in {
    "nothing": (),
    "clipping and accumulation": (kt.GradientClipping(0.5), kt.GradientAccumulation(2)),
    "distillation": (kt.Distillation(network(), temperature=2),),
}.items():
    history = fit(network(), *tricks)
    found[name] = [*history.history["loss"], *history.history["val_loss"]]
    found[name].append(history.model.evaluate(images, labels, verbose=0)[0])
said = ""
try:
    fit(network(), batch_size=15)
except ValueError as error:
    said = str(error)
print(json.dumps([found, said]))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    program = tmp_path_factory.mktemp("odd") / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = [subprocess.run([sys.executable, program, count], capture_output=True, text=True) for count in ("1", "2")]
    assert not any(each.returncode for each in done), done[0].stderr + done[1].stderr
    return [json.loads(each.stdout.splitlines()[-1]) for each in done]


@pytest.mark.parametrize("name", ["nothing", "clipping and accumulation", "distillation"])
def test_equals_one_device(runs, name):
    """31 images in batches of 16, of which the last is 7 and 8; 9 to validate, 4 and 5."""
    (one, _), (two, _) = runs
    assert len(one[name]) == 5 and two[name] == pytest.approx(one[name], abs=1e-5)


def test_a_batch_of_one_image_on_two_devices(runs):
    """31 images in batches of 15 leave one: TensorFlow's replicas need one each, JAX does without."""
    (_, alone), (_, said) = runs
    assert alone == ""
    assert ("a sample for each of the 2 devices" in said) == (keras.backend.backend() == "tensorflow")
