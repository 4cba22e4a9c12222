import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt
from kerastricks.tricks.distillation import distillation

RUN = {"epochs": 2, "batch_size": 8, "verbose": 0}


def dense(classes=2, activation=None, shape=(1, 1, 1), **settings):
    inputs = keras.Input(shape)
    outputs = layers.Dense(classes, activation, **settings)(layers.Flatten()(inputs))
    return keras.Model(inputs, outputs)


def value(r, z, T):
    return number(distillation(keras.ops.array([r], "float32"), keras.ops.array([z], "float32"), T)[0])


def test_equal_halves_cost_the_logarithm_of_two():
    """softmax((0, 0)) is (1/2, 1/2) at any temperature: T² ln 2."""
    assert value([0.0, 0.0], [0.0, 0.0], 1) == pytest.approx(np.log(2))
    assert value([0.0, 0.0], [0.0, 0.0], 20) == pytest.approx(400 * np.log(2), rel=1e-6)


def test_by_hand():
    """At T = 2, (2 ln 3, 0) is (3/4, 1/4), and (0, 0) is (1/2, 1/2): 4 ln 2; against itself its entropy, times 4."""
    r = [2 * np.log(3), 0.0]
    assert value(r, [0.0, 0.0], 2) == pytest.approx(4 * np.log(2), rel=1e-6)
    assert value(r, r, 2) == pytest.approx(-4 * (0.75 * np.log(0.75) + 0.25 * np.log(0.25)), rel=1e-6)


def number(loss):
    return float(keras.ops.convert_to_numpy(loss))


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_the_loss_is_that_of_the_labels_and_of_the_teacher(activation, plan):
    """Teacher and student give (1/2, 1/2): ln 2 for the labels, and T² ln 2 from the teacher, with its weight."""
    trick = kt.Distillation(dense(kernel_initializer="zeros", activation=activation), temperature=3, weight=0.5)
    student = dense(kernel_initializer="zeros", activation=activation)
    built = kt.Recipe((trick,)).compile(student, plan)
    x, y = np.ones((2, 1, 1, 1), "float32"), np.array([0, 1])
    loss = built.compute_loss(keras.ops.array(x), keras.ops.array(y), built(x, training=True))
    assert number(loss) == pytest.approx((1 + 9 * 0.5) * np.log(2), rel=1e-5)
    clean = built.compute_loss(keras.ops.array(x), keras.ops.array(y), built(x), training=False)
    assert number(clean) == pytest.approx(np.log(2), rel=1e-5)


def test_keeps_the_weights_of_samples_and_the_regularizers_of_the_student(plan):
    """Weights 0 and 2 of two equal samples: the mean is as without; the kernel is 1 and its L2(0.01) adds 0.02."""
    trick = kt.Distillation(dense(kernel_initializer="zeros"), temperature=1)
    student = dense(kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.01))
    built = kt.Recipe((trick,)).compile(student, plan)
    x, y = np.ones((2, 1, 1, 1), "float32"), keras.ops.array([0, 1])
    outputs = built(x, training=True)
    for weights in ([1.0, 1.0], [0.0, 2.0]):
        loss = built.compute_loss(keras.ops.array(x), y, outputs, keras.ops.array(weights))
        assert number(loss) == pytest.approx(2 * np.log(2) + 0.02, rel=1e-5)
    nothing = built.compute_loss(keras.ops.array(x), y, outputs, keras.ops.zeros(2))
    assert number(nothing) == pytest.approx(0.02, rel=1e-4)


def test_the_student_follows_the_teacher_and_alone_is_trained(model, images, tmp_path):
    """Labels say nothing here (all alike): what the student learns comes from the teacher."""
    pixels = images[0]
    pupil = keras.models.clone_model(model)
    before = model.get_weights()
    trick = kt.Distillation(model, temperature=2, weight=5.0)
    uniform = np.full((26, 3), 1 / 3, "float32")
    history = kt.Recipe((trick,), learning_rate=0.01).fit(pupil, (pixels, uniform), **{**RUN, "epochs": 8})
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert model.trainable
    assert len(model.trainable_weights) == len(history.model.trainable_weights)
    pupil.save(tmp_path / "pupil.keras")
    assert keras.saving.load_model(tmp_path / "pupil.keras").count_params() == pupil.count_params()


def test_the_teacher_sees_the_mixed_images_in_inference_mode(model, plan):
    """The mean of an untrained BatchNormalization stays 0 in a teacher that infers."""
    seen = []
    trick = kt.Distillation(model)
    teacher = trick.frozen
    call = teacher.call
    teacher.call = lambda inputs, **settings: (seen.append((inputs, settings)), call(inputs, **settings))[1]
    built = kt.Recipe((trick,)).compile(keras.models.clone_model(model), plan)
    mixed = keras.ops.ones((2, 8, 8, 3))
    built.compute_loss(mixed, keras.ops.array([0, 1]), built(mixed, training=True))
    assert [(inputs is mixed, settings["training"]) for inputs, settings in seen] == [(True, False)]
    norms = [layer for layer in teacher.layers if isinstance(layer, layers.BatchNormalization)]
    assert all(not keras.ops.convert_to_numpy(norm.moving_mean).any() for norm in norms)


def test_takes_a_file(tmp_path):
    dense().save(tmp_path / "teacher.keras")
    trick = kt.Distillation(str(tmp_path / "teacher.keras"))
    assert trick.frozen.count_params() == 4
    assert trick.frozen.trainable_weights == []


def renamed(name):
    inputs = keras.Input((1, 1, 1))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs)), name=name)


def test_warns_where_the_paper_saw_harm(setup):
    trick = kt.Distillation(renamed("resnet152d"))
    with pytest.warns(UserWarning, match="lowered the accuracy of Inception-V3 and MobileNet"):
        trick.check(setup(model=renamed("mobilenet")))
    trick.check(setup(model=renamed("resnet50d")))


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (dense(3), "a teacher of 3 classes and a student of 2"),
        (dense(shape=(2, 1, 1)), r"images .2, 1, 1. and a student of .1, 1, 1."),
        (dense(activation="relu"), "logits or probabilities"),
        ("none.keras", "There is no teacher none.keras"),
        (3, "Received: int"),
    ],
)
def test_refuses_a_teacher_that_does_not_fit(teacher, message, setup):
    with pytest.raises(ValueError, match=message):
        kt.Distillation(teacher).check(setup(model=dense()))


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"weight": -1}, {"temperature": float("nan")}])
def test_refuses_numbers_out_of_range(settings):
    with pytest.raises(ValueError, match="must be positive. Received"):
        kt.Distillation("teacher.keras", **settings)
