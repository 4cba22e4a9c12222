import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt
from kerastricks.recipes import baseline, tutorial
from kerastricks.training.fold import applicable
from kerastricks.training.trick import HOOKS

RUN = {"epochs": 3, "batch_size": 8, "verbose": 0}
FULL = kt.Recipe(
    (
        kt.LinearScaling(),
        kt.Warmup(1),
        kt.CosineDecay(),
        kt.ZeroGamma(),
        kt.NoBiasDecay(),
        kt.LabelSmoothing(),
        kt.MixUp(),
    )
)


def test_replacing_changes_settings_and_keeps_the_order():
    recipe = kt.Recipe((kt.Warmup(1), kt.MixUp(0.2), kt.LabelSmoothing(0.1)))
    changed = recipe.replacing(kt.MixUp(0.4), kt.Warmup(2))
    assert changed.tricks == (kt.Warmup(2), kt.MixUp(0.4), kt.LabelSmoothing(0.1))
    with pytest.raises(ValueError, match="The recipe has no trick 'CutMix'"):
        recipe.replacing(kt.CutMix())


def test_prints_what_it_does():
    assert repr(kt.Recipe((kt.Warmup(1), kt.CosineDecay()), learning_rate=0.5)) == (
        "Recipe(\n  (\n    Warmup(epochs=1, steps=None, start=None),\n    CosineDecay(minimum=0.0),\n  ),\n"
        "  learning_rate=0.5, weight_decay=0.0001, optimizer=nesterov, epochs=30, batch_size=128,\n)"
    )


def test_leaves_tricks_out():
    recipe = FULL.without("MixUp", "Warmup")
    assert recipe.names == ["LinearScaling", "CosineDecay", "ZeroGamma", "NoBiasDecay", "LabelSmoothing"]
    assert FULL.names[-1] == "MixUp"


def test_names_the_nearest_trick():
    with pytest.raises(ValueError, match="no trick 'mixupp'. Did you mean MixUp?"):
        FULL.without("mixupp")


def test_a_trick_stands_once():
    with pytest.raises(ValueError, match="Received twice: MixUp"):
        kt.Recipe((kt.MixUp(), kt.MixUp(0.4)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tricks": ("MixUp",)}, "holds tricks"),
        ({"learning_rate": 0}, "positive number. Received: 0"),
        ({"weight_decay": -1}, "Received: weight_decay=-1"),
    ],
)
def test_refuses_what_is_no_setting(arguments, message):
    with pytest.raises(ValueError, match=message):
        kt.Recipe(**arguments)


def test_shipped_recipes():
    assert baseline.recipe.tricks == ()
    assert tutorial.recipe.names == FULL.names


def test_the_history_has_the_rate_of_the_last_update(model, images):
    """26 images in batches of 8 are 4 steps an epoch; 0.1 * 8 / 256, warmed up over 4 steps, then 8 of cosine."""
    history = FULL.fit(model, images, validation_data=images, **RUN).history
    peak = 0.1 * 8 / 256
    expected = [peak, peak * (1 + np.cos(np.pi * 3 / 8)) / 2, peak * (1 + np.cos(np.pi * 7 / 8)) / 2]
    assert history["learning_rate"] == pytest.approx(expected, rel=1e-5)
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "data_wait"}


def test_the_users_model_is_trained(model, images):
    before = model.get_weights()
    history = FULL.fit(model, images, **RUN)
    assert history.model.network is model
    assert not np.array_equal(before[0], model.get_weights()[0])


def with_dropout(classes=3, activation=None):
    return keras.Sequential(
        [
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(classes, activation),
        ]
    )


def test_one_seed_gives_equal_weights(images):
    """Initialization, order, draws and dropout, twice."""
    trained = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(0)
        model = with_dropout()
        FULL.without("ZeroGamma").fit(model, images, seed=seed, **RUN)
        trained.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained[:2], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(*trained[1:], strict=True))


def test_softmax_and_logits_train_alike(images):
    losses = []
    for activation in (None, "softmax"):
        keras.utils.set_random_seed(0)
        recipe = kt.Recipe((kt.LabelSmoothing(),), learning_rate=0.01)
        losses.append(recipe.fit(with_dropout(3, activation), images, **RUN).history["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten, self.dense = layers.Flatten(), layers.Dense(3)

    def call(self, images):
        return self.dense(self.flatten(images / 255))


def test_trains_a_subclassed_model(images):
    recipe = FULL.without("ZeroGamma")
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    history = recipe.fit(Subclassed(), images, validation_data=images, loss=loss, **RUN)
    assert np.isfinite(history.history["val_loss"]).all()


def test_asks_a_subclassed_model_for_its_loss(images):
    with pytest.raises(ValueError, match="it is subclassed and has no graph to read.*or pass `loss="):
        kt.Recipe().fit(Subclassed(), images, **RUN)


def test_takes_an_optimizer_class(model, images):
    recipe = kt.Recipe((kt.NoBiasDecay(),), learning_rate=1e-3, weight_decay=0.05, optimizer=keras.optimizers.AdamW)
    engine = recipe.fit(model, images, **RUN).model
    assert isinstance(engine.optimizer, keras.optimizers.AdamW)
    assert engine.optimizer.weight_decay == 0.05


def test_one_hot_labels_equal_integers(model, images):
    pictures, labels = images
    weights, losses = model.get_weights(), []
    for form in (labels, np.eye(3, dtype="float32")[labels]):
        model.set_weights(weights)
        losses.append(FULL.fit(model, (pictures, form), validation_data=(pictures, form), **RUN).history["val_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


class Batches(keras.utils.PyDataset):
    def __init__(self, images, labels):
        super().__init__()
        self.images, self.labels = images, labels

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self.images[8 * index : 8 * index + 8], self.labels[8 * index : 8 * index + 8]


def test_takes_a_data_set(model, images):
    data = Batches(*images)
    history = FULL.fit(model, data, validation_data=data, epochs=3, verbose=0)
    assert history.model.optimizer.iterations == 9
    assert history.history["learning_rate"][0] == pytest.approx(0.1 * 8 / 256)


def test_refuses_a_batch_size_beside_a_data_set(model, images):
    with pytest.raises(ValueError, match="is the data set's own. Received: batch_size=8 and a Batches"):
        FULL.fit(model, Batches(*images), **RUN)


def test_refuses_a_data_set_without_a_length(model, images):
    def batches():
        yield images

    with pytest.raises(ValueError, match="must know its length"):
        FULL.fit(model, batches(), epochs=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x, y + 1), r"must lie in \[0, 2\].*Received: labels from 1 to 3"),
        (lambda x, y: (x, y - 1), "Received: labels from -1 to 1"),
        (lambda x, y: (x, y + 0.5), "must be integers.*dtype=float64"),
        (lambda x, y: (x, np.eye(4)[y]), r"shape \(N,\) or \(N, 3\). Received: shape=\(26, 4\)"),
        (lambda x, y: (x, np.eye(3)[y] * 2), "row 0 sums to 2"),
        (lambda x, y: (x[:5], y), "5 images and 26 labels"),
        (lambda x, y: (x[:0], y[:0]), "at least one image"),
        (lambda x, y: (x[0], y), r"\(N, height, width, channels\)"),
    ],
)
def test_refuses_labels_that_do_not_fit(model, images, change, message):
    with pytest.raises(ValueError, match=message):
        FULL.fit(model, change(*images), **RUN)


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_refuses_a_run_of_nothing(model, images, name):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1"):
        FULL.fit(model, images, **{**RUN, name: 0})


def test_compile_asks_for_a_built_model(plan):
    with pytest.raises(ValueError, match="is not built. Call it once"):
        FULL.compile(with_dropout(), plan)


def test_a_refused_recipe_leaves_the_weights_alone(model, images):
    weights = model.get_weights()
    with pytest.raises(ValueError, match="off for the last 9"):
        kt.Recipe((kt.ZeroGamma(), kt.LowPrecision(), kt.MixUp(off_epochs=9))).fit(model, images, **RUN)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert not model.compiled


def spy(called, refuses):
    """Returns a trick that writes the names of its hooks down as they are called, and may refuse the run."""

    def hook(name):
        def call(self, first, *others, **draws):
            called.append(name)
            if name == "check" and refuses:
                raise ValueError("Spy refuses")
            if name == "batch":
                return first, *others
            if name == "stages":
                return {}
            return None if name in ("check", "auxiliary", "averages") else first

        return call

    return type("Spy", (kt.Trick,), {name: hook(name) for name in ("check", *HOOKS)})()


@pytest.mark.parametrize("begin", ["compile", "fit"])
def test_a_recipe_is_refused_before_a_hook_can_touch_anything(model, images, plan, begin):
    """The one that refuses stands behind the one that would set weights."""
    called, weights = [], model.get_weights()
    recipe = kt.Recipe((kt.ZeroGamma(), spy(called, refuses=True)))
    with pytest.raises(ValueError, match="Spy refuses"):
        recipe.compile(model, plan) if begin == "compile" else recipe.fit(model, images, **RUN)
    assert called == ["plan", "learning_rate", "check"]
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))


def test_hooks_are_called_in_their_order_and_the_check_once(model, images):
    called = []
    kt.Recipe((spy(called, refuses=False),)).fit(model, images, epochs=1, batch_size=8, verbose=0)
    # `evaluation` tells the shape of the images that the model is to take.
    once = ["plan", "learning_rate", "check", "evaluation", "stages", "model", "loss", "auxiliary", "averages"]
    once += ["optimizer", "callbacks"]
    assert called[: len(once)] == once
    assert (
        {"batch"} <= set(called[len(once) :]) <= {"batch", "evaluation", "order"}
    )  # Keras may look at the model first


def test_the_check_sees_the_run_as_the_tricks_leave_it(model, images):
    """26 images in batches of 8 are 4 steps an epoch, and 12 in all: six updates of two batches."""
    seen = []

    class Spy(kt.Trick):
        def check(self, setup):
            seen.append(setup)
            raise ValueError("Spy has seen enough")

    recipe = kt.Recipe((Spy(), kt.GradientAccumulation(2), kt.LinearScaling(4), kt.CosineDecay()), learning_rate=0.1)
    with pytest.raises(ValueError, match="Spy has seen enough"):
        recipe.fit(model, images, **RUN)
    (setup,) = seen
    assert setup.model is model
    assert (setup.plan.total_steps, setup.plan.effective_batch_size) == (6, 16)
    assert (setup.learning_rate.value, setup.learning_rate.decays) == (pytest.approx(0.4), True)
    assert isinstance(setup.loss, keras.losses.CategoricalCrossentropy)
    assert isinstance(setup.optimizer, kt.SGD)
    assert setup.tricks == recipe.tricks
    assert setup.images.shape == (26, 8, 8, 3)


def test_durations_keep_their_share_of_another_length():
    """A tenth of the length: whole numbers stay whole, and at least one; steps stay steps."""
    tricks = (
        kt.Warmup(5),
        kt.Hold(steps=7),
        kt.StepDecay((30, 60)),
        kt.MixUp(off_epochs=20),
        kt.EarlyStopping(4),
        kt.Freeze(20),
    )
    scaled = kt.Recipe(tricks, epochs=100).scaled(10)
    assert scaled.epochs == 10
    assert scaled.tricks == (
        *(kt.Warmup(0.5), kt.Hold(steps=7), kt.StepDecay((3.0, 6.0)), kt.MixUp(off_epochs=2), kt.EarlyStopping(1)),
        kt.Freeze(2),
    )
    assert kt.Recipe(tricks, epochs=100).scaled(100).tricks[0].epochs == 5


def test_leaves_out_what_does_not_apply(images):
    """A network without branches, at the batch size of the reference, in one epoch of four steps."""
    recipe = kt.Recipe((kt.LinearScaling(8), kt.Warmup(2), kt.CosineDecay(), kt.ZeroGamma(), kt.MixUp()))
    model = with_dropout()
    model(images[0])
    before = model.get_weights()
    kept, left_out = applicable(recipe, model, kt.Plan(1, 4, 8), images[0])
    assert kept.names == ["CosineDecay", "MixUp"]
    assert list(left_out) == ["Warmup", "LinearScaling", "ZeroGamma"]
    assert left_out["Warmup"].startswith("Warmup is longer than the run")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
