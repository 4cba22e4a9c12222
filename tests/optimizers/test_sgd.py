import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.optimizers.sgd import weight_decay


def run(optimizer, gradients, exclude=False):
    variable = keras.Variable([1.0, -2.0])
    if exclude:
        optimizer.exclude_from_weight_decay(var_list=[variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return keras.ops.convert_to_numpy(variable)


def reference(gradients, rate, momentum, weight_decay):
    """SGD with Nesterov momentum as PyTorch writes it, in float64."""
    value, buffer = np.array([1.0, -2.0]), np.zeros(2)
    for gradient in gradients:
        gradient = gradient + weight_decay * value
        buffer = momentum * buffer + gradient
        value = value - rate * (gradient + momentum * buffer)
    return value


def test_one_step_by_hand():
    """1 - 0.1 * (0.5 + 0.01 * 1) and -2 - 0.1 * (0 + 0.01 * -2)."""
    value = run(kt.SGD(0.1, weight_decay=0.01), [np.array([0.5, 0.0], "float32")])
    assert value == pytest.approx([0.949, -1.998], abs=1e-6)


def test_follows_pytorch_for_a_hundred_steps():
    gradients = np.random.default_rng(0).normal(size=(100, 2)).astype("float32")
    value = run(kt.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4), gradients)
    assert value == pytest.approx(reference(gradients, 0.1, 0.9, 1e-4), rel=1e-5)


def test_an_excluded_variable_does_not_decay():
    value = run(kt.SGD(0.1, weight_decay=0.5), [np.zeros(2, "float32")], exclude=True)
    assert value.tolist() == [1.0, -2.0]


def test_clips_the_gradient_before_it_decays():
    value = run(kt.SGD(1.0, weight_decay=0.5, clipvalue=0.1), [np.array([9.0, 0.0], "float32")])
    assert value == pytest.approx([1 - (0.1 + 0.5), -2 + 1.0], abs=1e-6)


def test_uncoupled_it_is_keras_own():
    gradients = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    ours = run(kt.SGD(0.1, momentum=0.9, weight_decay=0.01, coupled=False), gradients)
    assert ours == pytest.approx(run(keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01), gradients), abs=1e-7)


def test_follows_pytorch_itself_for_a_hundred_steps():
    torch = pytest.importorskip("torch")
    gradients = np.random.default_rng(1).normal(0, 0.1, size=(100, 2)).astype("float32")
    variable = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    peer = torch.optim.SGD([variable], 0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    for gradient in gradients:
        variable.grad = torch.tensor(gradient)
        peer.step()
    value = run(kt.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4), gradients)
    assert value == pytest.approx(variable.detach().numpy(), abs=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "decoupled", "either"),
    [
        (kt.SGD(0.1, weight_decay=0.2), None, 0.2),
        (kt.SGD(0.1, weight_decay=0.2, coupled=False), 0.2, 0.2),
        (kt.SGD(0.1), None, None),
        (kt.AdamW(0.1, weight_decay=0.2), 0.2, 0.2),
        (keras.optimizers.SGD(0.1, weight_decay=0.2), 0.2, 0.2),
        (keras.optimizers.SGD(0.1), None, None),
    ],
    ids=["coupled", "uncoupled", "none", "AdamW", "Keras' SGD", "Keras' SGD without"],
)
def test_keras_own_decay_is_the_decoupled_one_alone(optimizer, decoupled, either):
    """So that no one, Keras' distribution included, applies the coupled one a second time."""
    assert optimizer.weight_decay == decoupled
    assert weight_decay(optimizer) == either
    again = type(optimizer).from_config(optimizer.get_config())
    assert (again.weight_decay, weight_decay(again)) == (decoupled, either)


# Two replicas and one device, from the same weights; prints how far apart one step takes them.
REPLICAS = """
import keras, numpy as np, tensorflow as tf

processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
import kerastricks as kt

random = np.random.default_rng(0)
images, labels = random.normal(size=(8, 4)).astype("float32"), np.arange(8) % 3
weights = [random.normal(size=(4, 3)), np.ones(3)]
trained = []
for strategy in (tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), tf.distribute.get_strategy()):
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.set_weights(weights)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(kt.SGD(0.5, weight_decay=0.1, kernels_only=True), loss, jit_compile=False)
    model.fit(images, labels, batch_size=8, epochs=1, verbose=0)
    trained.append(model.get_weights())
    print("replicas", strategy.num_replicas_in_sync)
print("apart", max(float(np.abs(a - b).max()) for a, b in zip(*trained)))
print("moved", min(float(np.abs(a - b).max()) for a, b in zip(trained[0], weights)))
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="MirroredStrategy is TensorFlow's")
def test_replicas_do_not_multiply_the_decay():
    """One decay more would take the replicas apart by 0.5 * 0.1 of the kernel, whose entries are about 1."""
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines() if line.startswith(("replicas", "apart", "moved"))]
    (_, two), (_, one), (_, apart), (_, moved) = said
    assert (two, one) == ("2", "1")
    assert float(apart) < 1e-6
    assert float(moved) > 1e-2


def classifier():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(4, name="hidden")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3, name="top")(x), name="net")


IMAGES = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
LABELS = np.arange(8) % 3
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
EXCLUDE = {"kernels_only": True, "exclude": ["(^|/)hidden/"]}


@pytest.mark.parametrize("optimizer", [kt.SGD, kt.AdamW])
def test_the_rule_outlives_save_and_load(optimizer, tmp_path):
    model = classifier()
    model.compile(optimizer(0.1, weight_decay=0.1, **EXCLUDE), LOSS)
    model.fit(IMAGES, LABELS, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    reports = [list(kt.decay_report(m, print_fn=lambda line: None).values()) for m in (model, again)]
    assert reports == [[False, False, True, False]] * 2
    for m in (model, again):
        m.fit(IMAGES, LABELS, epochs=3, shuffle=False, verbose=0)
    pairs = zip(model.get_weights(), again.get_weights(), strict=True)
    assert all(a == pytest.approx(b, abs=1e-6) for a, b in pairs)


def test_decay_does_not_show_in_the_loss():
    losses = []
    for decay in (None, 10.0):
        keras.utils.set_random_seed(0)
        model = classifier()
        model.compile(kt.SGD(1e-12, weight_decay=decay), LOSS)
        losses.append(model.fit(IMAGES, LABELS, verbose=0).history["loss"][0])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_holds_under_loss_scaling():
    """The scaled gradient is unscaled before the decay joins it: the same weights as without scaling."""
    trained = []
    for scaled in (False, True):
        keras.utils.set_random_seed(0)
        model, optimizer = classifier(), kt.SGD(0.1, weight_decay=0.1, kernels_only=True)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1024.0)
        model.compile(optimizer, LOSS)
        model.fit(IMAGES, LABELS, epochs=3, shuffle=False, verbose=0)
        trained.append(model.get_weights())
    assert all(a == pytest.approx(b, abs=1e-5) for a, b in zip(*trained, strict=True))


def test_holds_under_mixed_precision():
    """float16 makes `compile` wrap the optimizer; with no gradient to speak of, kernels alone shrink."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = classifier()
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(kt.SGD(0.1, weight_decay=0.5, kernels_only=True), keras.losses.MeanSquaredError())
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    for layer in model.layers[1:]:
        layer.bias.assign(keras.ops.ones(layer.bias.shape))
    outputs = keras.ops.convert_to_numpy(model(IMAGES)).astype("float32")
    before = model.get_weights()
    model.fit(IMAGES, outputs, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        shrinks = 0.95 if old.ndim == 2 else 1.0
        assert new == pytest.approx(shrinks * old, abs=2e-3)


def test_reports_what_decays():
    model = classifier()
    model.compile(kt.SGD(0.1, weight_decay=1e-4, **EXCLUDE), LOSS)
    lines = []
    report = kt.decay_report(model, print_fn=lines.append)
    assert list(report.values()) == [False, False, True, False]
    assert lines[0] == "SGD: weight decay 0.0001 (coupled)"
    assert [line.split()[0] for line in lines[1:]] == ["stays", "stays", "decays", "stays"]
    assert lines[3].split()[1] == "4×3"


def test_reports_on_compiled_models_alone():
    with pytest.raises(ValueError, match="'net' has no optimizer"):
        kt.decay_report(classifier())


def test_exceptions_need_a_rule():
    with pytest.raises(ValueError, match="are exceptions to `kernels_only=True`"):
        kt.SGD(0.1, weight_decay=0.1, exclude=["kernel"])
