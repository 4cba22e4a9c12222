import re

import keras
import pytest

import kerastricks as kt
from kerastricks import models
from kerastricks.commands import defaults, memory, prepare
from kerastricks.commands.defaults import batch_that_fits, fitted, in_flags
from kerastricks.commands.task import TrainTask
from kerastricks.models import pretrained


@pytest.mark.any_backend
@pytest.mark.parametrize("weights_there", [True, False])
@pytest.mark.parametrize(
    ("side", "asked", "with_weights", "without"),
    [
        (8, {}, ("resnet20", None, "tutorial"), None),
        (32, {}, ("resnet20", None, "cifar"), None),
        (64, {}, ("resnet20", None, "cifar"), None),
        (64, {"weights": "imagenet"}, ("efficientnet_lite0", "imagenet", "finetune"), None),
        (224, {}, ("efficientnet_lite0", "imagenet", "finetune"), ("efficientnet_lite0", None, "tutorial")),
        (224, {"model": "VGG16"}, ("VGG16", None, "tutorial"), None),
        (224, {"model": "VGG16", "weights": "a.keras"}, ("VGG16", "a.keras", "finetune"), None),
        (32, {"model": "resnet56"}, ("resnet56", None, "cifar"), None),
        (224, {"recipe": "cifar"}, ("efficientnet_lite0", None, "cifar"), None),
        (
            *(224, {"recipe": "finetune"}, ("efficientnet_lite0", "imagenet", "finetune")),
            ("efficientnet_lite0", None, "finetune"),
        ),
        (224, {"weights": "a.keras"}, ("efficientnet_lite0", "a.keras", "finetune"), None),
    ],
)
def test_fits_the_images(monkeypatch, side, asked, with_weights, without, weights_there):
    monkeypatch.setattr(pretrained, "installed", lambda name: weights_there)
    task, _ = fitted(TrainTask("photos", **asked), side)
    expected = with_weights if weights_there or without is None else without
    assert (task.model, task.weights, task.recipe_name) == expected
    assert task.efficient == (not {"model", "recipe"} & set(asked))


def test_a_model_of_a_run_has_learned_at_the_size_of_its_images(tmp_path):
    path = tmp_path / "model.keras"
    inputs = keras.Input((48, 48, 3))
    keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs))).save(path)
    task = TrainTask("photos", model=str(path))
    assert (fitted(task, 48)[0].recipe_name, defaults.photograph_size(task)) == ("cifar", 224)
    models.describe(path, models.Description(("a", "b"), 48))
    assert (fitted(task, 48)[0].recipe_name, defaults.photograph_size(task)) == ("finetune", 48)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("asked", "there", "said"),
    [
        ({}, False, "efficientnet_lite0 begins at random. .* pip install 'kerastricks.pretrained.'"),
        ({"model": "efficientnet_lite0"}, True, "efficientnet_lite0 begins at random. .* pass --weights imagenet"),
        ({"model": "VGG16", "recipe": "finetune"}, False, "VGG16 begins at random, which `finetune` is not made for"),
        ({}, True, None),
        ({"model": "VGG16"}, True, None),
    ],
)
def test_says_what_weights_would_bring(monkeypatch, asked, there, said):
    monkeypatch.setattr(pretrained, "installed", lambda name: there)
    lines = fitted(TrainTask("photos", **asked), 224)[1]
    assert len(lines) == (said is not None)
    assert said is None or re.match(said, lines[0])


@pytest.mark.any_backend
def test_the_flags_say_the_same():
    task = TrainTask("photos", model="VGG16", weights="a.keras", without=("MixUp",), default_recipe="finetune")
    recipe = kt.Recipe((kt.Efficient(), kt.CosineDecay(), kt.BatchNormMomentum()))
    assert in_flags(task, recipe, ["Warmup"], 224) == (
        "chosen for images of 224 pixels: --model VGG16 --weights a.keras --recipe finetune --without MixUp Warmup "
        "--with BatchNormMomentum --efficient"
    )


@pytest.fixture
def network():
    return models.build("resnet20", classes=3, input_shape=(32, 32, 3))


@pytest.fixture
def room(monkeypatch, network):
    """Lets the machine have room for a training step of so many images, at the most that one may take."""
    monkeypatch.setattr(defaults, "has_accelerator", lambda: False)

    def leave(images):
        size = int(defaults.MOST_SHARE * defaults.training_bytes(network, images)) + 1
        monkeypatch.setattr(memory, "available", lambda: size)

    return leave


def test_a_batch_that_nobody_asked_for_is_made_to_fit(room, network):
    room(16)
    assert batch_that_fits(network, 32, 1000, asked=False) == (32, [])  # at the least share it may fit
    size, lines = batch_that_fits(network, 128, 1000, asked=False)
    assert size == 16 and lines[0].startswith("batches of 16 and not 128: those would take about")
    assert batch_that_fits(network, 128, 30, asked=False) == (128, [])  # there are but 30 images


def test_a_batch_that_was_asked_for_is_refused_with_one_that_fits(room, network):
    room(16)
    with pytest.raises(ValueError, match="--batch-size 16; with --with GradientAccumulation:steps=8 an update still"):
        batch_that_fits(network, 128, 1000, asked=True)


def test_not_even_one_image(room, network, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1000)
    monkeypatch.setattr(defaults, "has_accelerator", lambda: False)
    with pytest.raises(ValueError, match="does not fit into memory, whatever the batch"):
        batch_that_fits(network, 128, 1000, asked=False)


def test_where_nobody_knows_nothing_is_refused(network, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 0)
    assert batch_that_fits(network, 10**6, 10**7, asked=True) == (10**6, [])


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("asked", "there", "size"),
    [
        ({}, True, 256),
        ({}, False, 224),
        ({"recipe": "cifar"}, True, 224),
        ({"model": "VGG16"}, True, 224),
        ({"model": "VGG16", "weights": "a.keras"}, False, 256),
        ({"recipe": "finetune", "weights": "imagenet"}, True, 256),
    ],
)
def test_photographs_are_larger_where_a_network_is_fine_tuned(monkeypatch, asked, there, size):
    monkeypatch.setattr(pretrained, "installed", lambda name: there)
    assert defaults.photograph_size(TrainTask("photos", **asked)) == size


@pytest.mark.parametrize(("room", "expected"), [(0, 32), (10**12, 32), (1, 1)])
def test_the_batch_after_one_that_did_not_fit_is_half_of_it_at_most(model, monkeypatch, room, expected):
    monkeypatch.setattr(memory, "available", lambda: room)
    assert defaults.smaller_batch(model, 64) == expected


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("asked", "recipe", "rate"),
    [
        ({"batch_size": 32}, kt.Recipe(learning_rate=0.4, batch_size=128), 0.1),
        ({"batch_size": 256}, kt.Recipe(learning_rate=0.4, batch_size=128), 0.8),
        ({}, kt.Recipe(learning_rate=0.4), 0.4),
        ({"batch_size": 128}, kt.Recipe(learning_rate=0.4, batch_size=128), 0.4),
        ({"batch_size": 32, "recipe": "cifar"}, kt.Recipe(learning_rate=0.4), 0.4),
        ({"batch_size": 32, "learning_rate": 0.4}, kt.Recipe(learning_rate=0.4), 0.4),
        ({"batch_size": 32}, kt.Recipe((kt.LinearScaling(),), learning_rate=0.4), 0.4),
        ({"batch_size": 32}, kt.Recipe(learning_rate=0.4, optimizer=kt.AdamW), 0.4),
    ],
)
def test_the_rate_follows_a_batch_that_was_asked_for_where_nothing_else_was(asked, recipe, rate):
    found, lines = defaults.in_batches(TrainTask("photos", **asked), recipe, asked.get("batch_size", recipe.batch_size))
    assert found.learning_rate == pytest.approx(rate)
    assert found.batch_size == asked.get("batch_size", recipe.batch_size)
    assert lines == ([] if rate == 0.4 else [f"--learning-rate {rate}: the recipe's, 0.4, is for batches of 128"])


@pytest.mark.parametrize(("batch_size", "steps", "rate"), [(64, 2, 0.4), (64, 4, 0.8)])
def test_the_rate_follows_the_images_of_an_update(batch_size, steps, rate):
    added = [kt.GradientAccumulation(steps)]
    recipe = kt.Recipe(learning_rate=0.4, batch_size=128)
    found, _ = defaults.in_batches(TrainTask("photos", batch_size=batch_size), recipe, batch_size, added)
    assert found.learning_rate == pytest.approx(rate)


def test_the_rate_follows_a_batch_that_memory_makes_smaller(monkeypatch):
    monkeypatch.setattr(defaults, "batch_that_fits", lambda network, size, images, asked: (size // 4, ["smaller"]))
    recipe = kt.Recipe(learning_rate=0.4, batch_size=128)
    found, lines = defaults.batched(TrainTask("photos"), None, recipe, 1000)
    assert (found.batch_size, found.learning_rate) == (32, pytest.approx(0.1))
    assert lines == ["smaller", "--learning-rate 0.1: the recipe's, 0.4, is for batches of 128"]


def test_a_run_that_goes_on_keeps_its_batch_whatever_memory_is_free(monkeypatch, tmp_path):
    monkeypatch.setattr(defaults, "batch_that_fits", lambda *asked: pytest.fail("it was asked"))
    (tmp_path / "run.json").write_text('{"batch_size": 32}')
    task = TrainTask("photos", resume=str(tmp_path))
    found, _ = defaults.batched(task, None, kt.Recipe(learning_rate=0.4, batch_size=128), 1000)
    assert (found.batch_size, found.learning_rate) == (32, pytest.approx(0.1))


@pytest.mark.parametrize(
    ("name", "slip"), [("model", "EfficentNetB0"), ("with_tricks", "Mixup"), ("optimizer", "Adamm")]
)
def test_a_slip_of_the_pen_is_told_before_an_image_is_read(monkeypatch, name, slip):
    monkeypatch.setattr(prepare, "load", lambda *asked: pytest.fail("the images were read"))
    with pytest.raises(ValueError, match=slip):
        prepare.prepare(TrainTask("digits", **{name: (slip,) if name == "with_tricks" else slip}))
