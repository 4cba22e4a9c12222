import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.optimizers.lamb import trust_ratio
from kerastricks.optimizers.sgd import plain_optimizer, weight_decay

KERNEL, BIAS = np.array([[3.0, 0.0], [0.0, -4.0]], "float32"), np.zeros(2, "float32")
RANDOM = np.random.default_rng(0)
GRADIENTS = [(RANDOM.normal(size=(2, 2)).astype("float32"), RANDOM.normal(size=2).astype("float32")) for _ in range(20)]


def run(optimizer, gradients=GRADIENTS):
    variables = [keras.Variable(KERNEL), keras.Variable(BIAS)]
    for pair in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in pair], variables)
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def reference(start, gradients, rate, decay, adapt=True, epsilon=1e-6):
    """Algorithm 2 of the paper, with bias correction, in float64; without adaptation, as timm for biases: AdamW."""
    x, m, v = start.astype("float64"), 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g.astype("float64") ** 2
        r = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + epsilon) + decay * x
        lengths = np.linalg.norm(x), np.linalg.norm(r)
        x = x - rate * (lengths[0] / lengths[1] if adapt and min(lengths) > 0 else 1.0) * r
    return x


@pytest.mark.parametrize(
    ("weight", "update", "expected"), [([3, 4], [0, 2], 2.5), ([0, 0], [0, 2], 1), ([3, 4], [0, 0], 1)]
)
def test_the_ratio_of_the_lengths(weight, update, expected):
    """Five over two; a weight or an update of 0 leaves the update as it is."""
    weight, update = (keras.ops.convert_to_tensor(np.array(x, "float32")) for x in (weight, update))
    assert float(trust_ratio(weight, update)) == expected


def test_one_step_by_hand():
    """The first update is the sign of the gradient, and 0.5 of the weight: (2.5, 1, 1, -3), whose length is 4.1533.

    The kernel's is 5, so at rate 0.1 the first entry goes from 3 to 3 - 0.1 * 5 / 4.1533 * 2.5. The bias, still 0,
    takes its update as it is: -0.1.
    """
    gradients = np.array([[1, 1], [1, -1]], "float32"), np.ones(2, "float32")
    kernel, bias = run(kt.Lamb(0.1, weight_decay=0.5), [gradients])
    length = np.sqrt(2.5**2 + 1 + 1 + 3**2)
    assert kernel == pytest.approx(KERNEL - 0.5 / length * np.array([[2.5, 1], [1, -3]]), rel=1e-5, abs=1e-5)
    assert bias == pytest.approx([-0.1, -0.1], rel=1e-5)


@pytest.mark.parametrize("decay", [None, 0.3])
def test_follows_the_paper_for_twenty_steps(decay):
    found = run(kt.Lamb(0.05, weight_decay=decay))
    for index, start in enumerate((KERNEL, BIAS)):
        expected = reference(start, [pair[index] for pair in GRADIENTS], 0.05, decay or 0)
        assert found[index] == pytest.approx(expected, rel=2e-4, abs=2e-5)


def test_without_decay_it_is_keras_own():
    ours, keras_own = run(kt.Lamb(0.05, epsilon=1e-7)), run(keras.optimizers.Lamb(0.05))
    for one, other in zip(ours, keras_own, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_what_does_not_decay_is_not_scaled():
    """As timm's `always_adapt=False`, where the others decay: Adam, and not the length of the bias."""
    kernel, bias = run(kt.Lamb(0.05, weight_decay=0.3, kernels_only=True))
    assert kernel == pytest.approx(reference(KERNEL, [g for g, _ in GRADIENTS], 0.05, 0.3), rel=2e-4, abs=2e-5)
    assert bias == pytest.approx(reference(BIAS, [g for _, g in GRADIENTS], 0.05, 0, False), rel=2e-4, abs=2e-5)


def test_a_variable_may_have_a_rate_of_its_own():
    found = run(kt.Lamb(0.1, weight_decay=0.3, rates=[0.5, 0.0]))
    assert found[0] == pytest.approx(run(kt.Lamb(0.05, weight_decay=0.3))[0], rel=1e-5)
    assert found[1].tolist() == [0, 0]


def test_counts_updates_under_accumulation():
    twice = [pair for pair in GRADIENTS for _ in range(2)]
    found = run(kt.Lamb(0.05, weight_decay=0.3, gradient_accumulation_steps=2), twice)
    for one, other in zip(found, run(kt.Lamb(0.05, weight_decay=0.3)), strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_the_config_keeps_all_and_a_plain_one_is_keras():
    optimizer = kt.Lamb(0.05, 0.8, 0.99, 1e-5, weight_decay=0.3, kernels_only=True, rates=[1.0, 0.5])
    again = kt.Lamb.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert weight_decay(again) == 0.3 and (again.beta_1, again.beta_2, again.epsilon) == (0.8, 0.99, 1e-5)
    plain = plain_optimizer(optimizer, 0.25)
    assert type(plain) is keras.optimizers.Lamb and plain.weight_decay is None and plain.beta_1 == 0.8


def test_trains_in_a_recipe_and_opens_in_plain_keras(model, images, tmp_path):
    tricks = (kt.NoBiasDecay(), kt.LayerDecay(0.5), kt.GradientClipping(1.0))
    recipe = kt.Recipe(tricks, optimizer=kt.Lamb, learning_rate=0.01, weight_decay=0.02)
    history = recipe.fit(model, images, epochs=3, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "model.keras")
    assert type(keras.saving.load_model(tmp_path / "model.keras").optimizer) is keras.optimizers.Lamb
