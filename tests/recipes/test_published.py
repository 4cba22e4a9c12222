"""The recipes of papers after the bag of tricks: their settings, as published, and each in a small run."""

import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt
from kerastricks.optimizers.lamb import Lamb
from kerastricks.optimizers.schedules import LearningRate
from kerastricks.recipes import describe
from kerastricks.recipes.choose import find

# Wightman et al., 2021, table 2: rows of all three procedures, then those in which they differ.
COMMON = (
    *(kt.Warmup(5, start=1e-4), kt.CosineDecay(minimum=1e-6), kt.ZeroGamma(), kt.NoBiasDecay()),
    *(kt.GradientClipping(1.0), kt.RandomResizedCrop(224), kt.RandomFlip()),
)
PROCEDURES = {
    "a1": {
        "figure": "80.4",
        "epochs": 600,
        "learning_rate": 5e-3,
        "weight_decay": 0.01,
        "tricks": (
            *(kt.StochasticDepth(0.05), kt.RepeatedAugmentation(3), kt.RandAugment(2, 21), kt.LabelSmoothing(0.1)),
            kt.RandomChoice((kt.MixUp(0.2), kt.CutMix(1.0))),
            kt.BinaryCrossentropy(),
        ),
    },
    "a2": {
        "figure": "79.8",
        "epochs": 300,
        "learning_rate": 5e-3,
        "weight_decay": 0.02,
        "tricks": (
            *(kt.StochasticDepth(0.05), kt.RepeatedAugmentation(3), kt.RandAugment(2, 21)),
            kt.RandomChoice((kt.MixUp(0.1), kt.CutMix(1.0))),
            kt.BinaryCrossentropy(0.2),
        ),
    },
    "a3": {
        "figure": "78.1",
        "epochs": 100,
        "learning_rate": 8e-3,
        "weight_decay": 0.02,
        "tricks": (
            *(kt.ProgressiveResizing(160 / 224, 160 / 224), kt.RandAugment(2, 18)),
            kt.RandomChoice((kt.MixUp(0.1), kt.CutMix(1.0))),
            kt.BinaryCrossentropy(0.2),
        ),
    },
}
SMALL = ("resnet_strikes_back/a1", "resnet_strikes_back/a2", "resnet_strikes_back/a3", "torchvision_v2")


@pytest.mark.any_backend
@pytest.mark.parametrize("name", PROCEDURES)
def test_the_procedures_of_resnet_strikes_back(name):
    row, recipe = PROCEDURES[name], find(f"resnet_strikes_back/{name}")
    assert (recipe.epochs, recipe.learning_rate, recipe.weight_decay) == (
        *(row["epochs"], row["learning_rate"], row["weight_decay"]),
    )
    assert recipe.batch_size == 2048 and recipe.optimizer is Lamb
    assert sorted(map(repr, recipe.tricks)) == sorted(map(repr, (*COMMON, *row["tricks"])))
    page = describe(f"resnet_strikes_back/{name}")
    assert f"{row['figure']} % top-1" in page and "not measured here" in page
    assert recipe.image_shape((236, 236, 3)) == (224, 224, 3) and "--image-size 236" in page


@pytest.mark.any_backend
def test_images_shrink_right_after_their_crop():
    """What is done to them then is done at 160 pixels, and at 176."""
    for name in ("resnet_strikes_back/a3", "torchvision_v2"):
        names = find(name).names
        assert names.index("ProgressiveResizing") == names.index("RandomResizedCrop") + 1
    plan = kt.Plan(3, 2, 4)
    for name, side in (("resnet_strikes_back/a3", 160), ("torchvision_v2", 176)):
        resizing = next(trick for trick in find(name).tricks if trick.name == "ProgressiveResizing")
        for step in (0, 5):
            draws = resizing.draw(np.random.default_rng(0), 1, step, plan)
            images, _ = resizing.batch(keras.ops.zeros((1, 224, 224, 3)), None, **draws)
            assert images.shape == (1, side, side, 3)


@pytest.mark.any_backend
def test_the_recipe_of_torchvision():
    """The command of its authors: rate 0.5 from a hundredth of it, 600 epochs of 8 × 128 images, decay 0.00002."""
    recipe = find("torchvision_v2")
    grey = pytest.approx(114.5, abs=0.1)
    erasing = next(trick for trick in recipe.tricks if trick.name == "RandomErasing")
    assert (erasing.probability, erasing.area, erasing.aspect, erasing.value) == (0.1, (0.02, 0.33), (0.3, 3.3), grey)
    # 0.99998 becomes 1 - 0.00002 · 1024 · 32 / 600 = 0.9989077 over 32 updates.
    average = next(trick for trick in recipe.tricks if trick.name == "EMA")
    assert average.momentum**32 == pytest.approx(0.9989077, abs=1e-7)
    expected = (
        *(kt.Warmup(5, start=0.005), kt.CosineDecay(), kt.NoBiasDecay(), kt.RepeatedAugmentation(4)),
        *(kt.RandomResizedCrop(224), kt.ProgressiveResizing(176 / 224, 176 / 224), kt.RandomFlip()),
        *(kt.TrivialAugment(), erasing, kt.LabelSmoothing(0.1)),
        *(kt.RandomChoice((kt.MixUp(0.2), kt.CutMix(1.0))), average),
    )
    assert recipe.tricks == expected
    settings = (recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.weight_decay)
    assert settings == (600, 1024, 0.5, 2e-5)
    optimizer = recipe.optimizer(learning_rate=0.5, weight_decay=2e-5)
    assert (optimizer.momentum, optimizer.nesterov, optimizer.coupled_weight_decay) == (0.9, False, 2e-5)


@pytest.mark.any_backend
def test_the_steps_of_torchvision_add_up():
    rows = [line.split() for line in describe("torchvision_v2").splitlines() if line.startswith("    + ")]
    reached = 76.130
    for row in rows:
        reached += float(row[-1])
        assert float(row[-2]) == pytest.approx(reached, abs=1e-6), row
    assert (len(rows), float(rows[-1][-2])) == (12, 80.858)


@pytest.mark.any_backend
def test_the_recipe_of_airbench():
    """11.5 over 1 + 1 / 0.15 is 1.5; 0.2 of it at first, all after 23 % of the run, 0.07 of it at last."""
    recipe = find("airbench")
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (10, 1024, pytest.approx(1.5))
    assert recipe.learning_rate * recipe.weight_decay == pytest.approx(0.0153 / (1 + 1 / 0.15))
    optimizer = recipe.optimizer(learning_rate=1.5, weight_decay=0.00133)
    assert (optimizer.momentum, optimizer.nesterov, optimizer.coupled_weight_decay) == (0.85, True, 0.00133)
    plan, phases = kt.Plan(10, 50, 1024), LearningRate(recipe.learning_rate)
    for trick in recipe.tricks:
        phases = trick.learning_rate(phases, plan)
    rate = phases.join(plan.total_steps)
    # Between: the line from 1.5 at step 115 to 0.105 at step 500.
    for step, expected in ((0, 0.3), (23, 0.54), (115, 1.5), (192, 1.5 - 1.395 * 77 / 385), (500, 0.105)):
        assert float(rate(step)) == pytest.approx(expected, rel=1e-5)
    expected = [kt.NoBiasDecay(), kt.BiasRate(64), kt.RandomCrop(2), kt.AlternatingFlip(), kt.LabelSmoothing(0.2)]
    assert list(recipe.tricks[2:7]) == expected
    ahead = recipe.tricks[7]
    assert (ahead.name, ahead.steps, ahead.power) == ("Lookahead", 5, 3)
    assert 1 - ahead.step_size == pytest.approx(0.95**5)


def residual():
    """A residual network of two blocks for 16×16 colour images, which takes others too."""
    x = inputs = keras.Input((16, 16, 3))
    x = layers.BatchNormalization()(
        layers.Conv2D(4, 3, 2, padding="same", use_bias=False)(layers.Rescaling(1 / 255)(x))
    )
    for _ in range(2):
        y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
        x = layers.ReLU()(layers.Add()([x, y]))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def fit(recipe, model, side):
    random = np.random.default_rng(0)
    data = random.integers(0, 256, (17, side, side, 3), "uint8"), (np.arange(17) % 3).astype("int32")
    before = model.get_weights()
    history = recipe.scaled(2).fit(model, data, validation_data=data, batch_size=8, verbose=0).history
    assert len(history["loss"]) == 2 and np.isfinite(history["loss"]).all() and np.isfinite(history["val_loss"]).all()
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("name", SMALL)
def test_trains_a_small_network(name):
    """Crops of 16 of 18 pixels in place of 224; those that train smaller do so here too, at 12."""
    keras.utils.set_random_seed(0)
    fit(find(name).replacing(kt.RandomResizedCrop(16)), residual(), 18)


def test_airbench_trains_a_narrow_network():
    keras.utils.set_random_seed(0)
    model = kt.models.build("airbench", classes=3, input_shape=(12, 12, 3), width=2)
    frozen = model.get_layer("whitening").get_weights()[0]
    recipe = find("airbench")
    lookahead = kt.Lookahead(2, step_size=1 - 0.95**5, power=3)  # the run is of six updates
    fit(recipe.replacing(lookahead), model, 12)
    assert np.array_equal(model.get_layer("whitening").get_weights()[0], frozen)
