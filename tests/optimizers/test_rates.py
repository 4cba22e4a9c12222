import keras
import numpy as np
import pytest

import kerastricks as kt

OPTIMIZERS = {
    "sgd": lambda **settings: kt.SGD(0.1, momentum=0.9, nesterov=True, **settings),
    "coupled": lambda **settings: kt.SGD(0.1, momentum=0.9, weight_decay=0.01, **settings),
    "decoupled": lambda **settings: kt.SGD(0.1, momentum=0.9, weight_decay=0.01, coupled=False, **settings),
    "adamw": lambda **settings: kt.AdamW(0.1, weight_decay=0.01, **settings),
}


def trained(make, steps=3, **settings):
    """Two variables, gradients 1, 2, 3, …; returns their values after some steps, and the optimizer."""
    variables = [keras.Variable(np.full((2, 2), value, "float32")) for value in (1.0, -2.0)]
    optimizer = make(**settings)
    optimizer.build(variables)
    for step in range(steps):
        gradient = keras.ops.full((2, 2), step + 1.0)
        optimizer.apply([gradient, gradient], variables)
    return [keras.ops.convert_to_numpy(variable)[0, 0] for variable in variables], optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_variable_moves_as_with_the_rate_of_its_own(name):
    """Factors 1 and 0.25 at rate 0.1 are rates 0.1 and 0.025, decay included."""
    found, _ = trained(OPTIMIZERS[name], rates=[1.0, 0.25])

    def slower(**settings):
        optimizer = OPTIMIZERS[name](**settings)
        optimizer.learning_rate = 0.025
        return optimizer

    assert found == pytest.approx([trained(OPTIMIZERS[name])[0][0], trained(slower)[0][1]], rel=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rate_zero_stays(name):
    assert trained(OPTIMIZERS[name], rates=[1.0, 0.0])[0][1] == -2.0


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_config_keeps_the_rule_and_the_decay(name):
    first, optimizer = trained(OPTIMIZERS[name], rates=[1.0, 0.25])
    again = type(optimizer).from_config(optimizer.get_config())
    assert (again.rates, again.get_config()["weight_decay"]) == (
        (1.0, 0.25),
        optimizer.get_config()["weight_decay"],
    )
    assert trained(lambda **_: type(optimizer).from_config(optimizer.get_config()))[0] == pytest.approx(first)


def test_survives_save_and_load(tmp_path, model, images):
    """Keras' layers lose the name of the model in their paths; places stay."""
    model.compile(kt.AdamW(0.01, rates=kt.layer_rates(model, 0.5)), "categorical_crossentropy")
    pixels, labels = images
    targets = keras.utils.to_categorical(labels, 3)
    model.fit(pixels, targets, epochs=1, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        one.fit(pixels, targets, epochs=1, verbose=0, shuffle=False)
    assert loaded.optimizer.rates == model.optimizer.rates
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True))


@pytest.mark.parametrize("rates", [[-1.0, 1.0], [float("inf"), 1.0]])
def test_refuses_rates_out_of_range(rates):
    with pytest.raises(ValueError, match="`rates` must be finite and at least 0"):
        kt.SGD(0.1, rates=rates)


def test_refuses_another_number_of_variables():
    with pytest.raises(ValueError, match="3 factors and 2 variables"):
        trained(OPTIMIZERS["sgd"], rates=[1.0, 1.0, 1.0])
