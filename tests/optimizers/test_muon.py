import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.optimizers.muon import matrix_shape
from kerastricks.optimizers.sgd import plain_optimizer, weight_decay

RANDOM = np.random.default_rng(0)
SHAPES = {"conv": (3, 3, 2, 4), "bias": (4,), "depthwise": (3, 3, 4, 1), "dense": (6, 4), "head": (4, 3)}
STARTS = {name: RANDOM.normal(size=shape).astype("float32") for name, shape in SHAPES.items()}
GRADIENTS = [{name: RANDOM.normal(size=shape).astype("float32") for name, shape in SHAPES.items()} for _ in range(4)]


def run(optimizer, gradients=GRADIENTS):
    variables = [keras.Variable(start, name=name) for name, start in STARTS.items()]
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in step.values()], variables)
    return dict(zip(STARTS, map(keras.ops.convert_to_numpy, variables), strict=True))


def newton_schulz(x):
    """Five times a x + b (x xᵀ) x + c (x xᵀ)² x, on the flat side of the matrix."""
    if x.shape[0] > x.shape[1]:
        return newton_schulz(x.T).T
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x


def muon(name, rate, decay):
    """In float64: momentum 0.95, Nesterov's, made orthogonal; 0.2 √max(rows, columns) times that."""
    x = STARTS[name].astype("float64")
    matrix, m = (int(np.prod(x.shape[:-1])), x.shape[-1]), 0.0
    for step in GRADIENTS:
        x = x - rate * decay * x
        m = 0.95 * m + step[name]
        update = newton_schulz((step[name] + 0.95 * m).reshape(matrix)).reshape(x.shape)
        x = x - rate * 0.2 * np.sqrt(max(matrix)) * update
    return x


def adamw(name, rate, decay):
    x, m, v = STARTS[name].astype("float64"), 0.0, 0.0
    for t, step in enumerate(GRADIENTS, start=1):
        x = x - rate * decay * x
        m, v = 0.9 * m + 0.1 * step[name], 0.999 * v + 0.001 * step[name].astype("float64") ** 2
        x = x - rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
    return x


@pytest.mark.parametrize(
    ("shape", "expected"), [((3, 3, 2, 4), (18, 4)), ((6, 4), (6, 4)), ((4,), (4,)), ((4, 2, 3), (4, 2, 3))]
)
def test_a_kernel_of_a_convolution_is_a_matrix_of_inputs_by_outputs(shape, expected):
    assert matrix_shape(shape) == expected


@pytest.mark.parametrize("decay", [None, 0.1])
def test_follows_the_formulas(decay):
    """Muon for the convolution and the hidden dense layer; AdamW for the bias, the depthwise kernel and the head."""
    found = run(kt.Muon(0.05, weight_decay=decay))
    for name, formula in {"conv": muon, "dense": muon, "bias": adamw, "depthwise": adamw, "head": adamw}.items():
        assert found[name] == pytest.approx(formula(name, 0.05, decay or 0), rel=1e-3, abs=1e-4), name


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("layer", "channels", "muons"),
    [
        (lambda: keras.layers.Conv2D(8, 3), 2, True),
        (lambda: keras.layers.Conv2D(8, 3), 1, False),
        (lambda: keras.layers.Conv2D(8, 3, groups=4), 8, True),
        (lambda: keras.layers.Conv2D(8, 7, groups=8), 8, False),  # depthwise, as Keras' ConvNeXt has it
        (lambda: keras.layers.DepthwiseConv2D(3), 8, False),
        (lambda: keras.layers.Conv2D(1, 3), 8, False),
    ],
)
def test_which_kernels_are_matrices(layer, channels, muons):
    made = layer()
    made.build((None, 9, 9, channels))
    optimizer = kt.Muon(exclude_last=False)
    optimizer.build([made.kernel, made.bias])
    assert optimizer._should_use_adamw(made.kernel) is not muons
    assert optimizer._should_use_adamw(made.bias)


def test_the_last_kernel_may_be_muons():
    assert run(kt.Muon(0.05, exclude_last=False))["head"] == pytest.approx(
        muon("head", 0.05, 0.004), rel=1e-3, abs=1e-4
    )


def test_layers_are_left_out_by_their_names():
    assert run(kt.Muon(0.05, exclude_layers=["conv"]))["conv"] == pytest.approx(
        adamw("conv", 0.05, 0.004), rel=1e-3, abs=1e-4
    )


def test_a_matrix_is_trained_as_by_keras():
    ours, keras_own = run(kt.Muon(0.05)), run(keras.optimizers.Muon(0.05, exclude_layers=["head"]))
    for name in ("dense", "bias", "head"):
        assert ours[name] == pytest.approx(keras_own[name], rel=1e-4, abs=1e-5)


def test_the_singular_values_are_near_one():
    """From 4.4 to 0.1 of the gradient to between 0.6 and 1.3, as the coefficients are made for."""
    gradient = np.diag([4.4, 1.0, 0.3, 0.1]).astype("float32")
    made = kt.Muon().zeropower_via_newtonschulz5(keras.ops.convert_to_tensor(gradient), 5)
    values = np.linalg.svd(keras.ops.convert_to_numpy(made), compute_uv=False)
    assert 0.6 < values.min() < values.max() < 1.3


def test_the_rule_and_rates_of_their_own():
    """Kernels alone decay; a rate of half is that of half; a rate of 0 stays."""
    found = run(kt.Muon(0.1, weight_decay=0.1, kernels_only=True, rates=[0.5, 0.5, 1.0, 0.0, 1.0]))
    for name, formula, rate, decay in [
        ("conv", muon, 0.05, 0.1),
        ("bias", adamw, 0.05, 0.0),
        ("depthwise", adamw, 0.1, 0.1),
        ("dense", muon, 0.0, 0.1),
        ("head", adamw, 0.1, 0.1),
    ]:
        assert found[name] == pytest.approx(formula(name, rate, decay), rel=1e-3, abs=2e-4), name


def test_the_config_keeps_all_and_a_plain_one_is_keras():
    settings = {"weight_decay": 0.1, "exclude_last": False, "kernels_only": True, "rates": [1.0] * 5, "momentum": 0.6}
    optimizer = kt.Muon(0.05, **settings)
    again = kt.Muon.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert weight_decay(again) == 0.1 and not again.exclude_last and again.momentum == 0.6
    plain = plain_optimizer(optimizer, 0.25)
    assert type(plain) is keras.optimizers.Muon
    assert (plain.weight_decay, plain.adam_weight_decay, plain.momentum) == (0.1, 0.1, 0.6)


def test_refuses_a_second_weight_decay():
    with pytest.raises(TypeError, match="adam_weight_decay"):
        kt.Muon(adam_weight_decay=0.1)


def test_trains_in_a_recipe_and_opens_in_plain_keras(model, images, tmp_path):
    tricks = (kt.NoBiasDecay(), kt.LayerDecay(0.5), kt.GradientAccumulation(2))
    recipe = kt.Recipe(tricks, optimizer=kt.Muon, learning_rate=0.01, weight_decay=0.02)
    history = recipe.fit(model, images, epochs=4, batch_size=8, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    report = kt.decay_report(history.model, print_fn=lambda line: None)
    assert [path for path, decays in report.items() if decays] == [
        variable.path for variable in model.trainable_variables if len(variable.shape) > 1
    ]
    model.save(tmp_path / "model.keras")
    assert type(keras.saving.load_model(tmp_path / "model.keras").optimizer) is keras.optimizers.Muon
