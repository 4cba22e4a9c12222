import keras
import pytest
from keras import layers

from kerastricks.models.graph import branches, has_graph, residuals


def block(x, projection, tail=(), name="end"):
    """A residual block whose last normalization is called `name`, with `tail` between it and the addition."""
    filters = 4 if projection else x.shape[-1]
    shortcut = x
    if projection:
        shortcut = layers.BatchNormalization(name=f"{name}_shortcut")(layers.Conv2D(filters, 1)(x))
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(x)))
    y = layers.BatchNormalization(name=name)(layers.Conv2D(filters, 3, padding="same")(y))
    for layer in tail:
        y = layer(y)
    return layers.Add()([shortcut, y])


def names(model):
    return [residual.norm.name for residual in residuals(model)]


@pytest.mark.parametrize("projection", [False, True])
@pytest.mark.parametrize(
    "tail", [(), (layers.Dropout(0.1),), (layers.ReLU(),), (layers.MaxPooling2D(3, 1, "same"),)], ids=str
)
def test_finds_the_last_norm_of_a_branch(projection, tail):
    inputs = keras.Input((8, 8, 2))
    assert names(keras.Model(inputs, block(inputs, projection, tail))) == ["end"]


def test_passes_over_a_tail_that_moves_zero():
    inputs = keras.Input((8, 8, 2))
    assert names(keras.Model(inputs, block(inputs, False, (layers.Activation("sigmoid"),)))) == []


def test_opens_nested_models():
    inner_inputs = keras.Input((8, 8, 2))
    inner = keras.Model(inner_inputs, block(inner_inputs, False, name="inner"))
    inputs = keras.Input((8, 8, 2))
    assert sorted(names(keras.Model(inputs, block(inner(inputs), True, name="outer")))) == ["inner", "outer"]


def test_finds_a_norm_that_ends_a_nested_branch():
    inputs = keras.Input((8, 8, 2))
    branch = keras.Sequential(
        [
            layers.Conv2D(2, 3, padding="same"),
            layers.Conv2D(2, 3, padding="same"),
            layers.BatchNormalization(name="end"),
        ]
    )
    assert names(keras.Model(inputs, layers.Add()([inputs, branch(inputs)]))) == ["end"]


def test_reads_a_gate_as_part_of_the_branch():
    inputs = keras.Input((8, 8, 2))
    y = layers.BatchNormalization(name="end")(layers.Conv2D(2, 3, padding="same")(inputs))
    gate = layers.Dense(2, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(y))
    assert names(keras.Model(inputs, layers.Add()([inputs, layers.Multiply()([y, gate])]))) == ["end"]


def test_a_plain_addition_of_two_branches_is_no_residual_block():
    inputs = keras.Input((8, 8, 2))
    left, right = (
        layers.BatchNormalization()(layers.Conv2D(2, 3, padding="same")(layers.Conv2D(2, 1)(inputs))) for _ in range(2)
    )
    assert names(keras.Model(inputs, layers.Add()([left, right]))) == []


def test_knows_a_graph():
    inputs = keras.Input((4,))
    assert has_graph(keras.Model(inputs, layers.Dense(1)(inputs)))
    assert not has_graph(keras.Sequential([layers.Dense(1)]))
    assert not has_graph(layers.Dense(1))


def test_two_deep_branches_are_no_block():
    """Neither side is a shortcut: two convolutions here, three there."""
    inputs = keras.Input((8, 8, 4))
    sides = []
    for count in (2, 3):
        x = inputs
        for _ in range(count):
            x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
        sides.append(x)
    assert names(keras.Model(inputs, layers.Add()(sides))) == []


def test_branches_come_in_the_order_of_the_computation_nested_ones_too():
    """Outer, inner, outer again; the second without a normalization, the last added by `+`, the branch first."""
    inner_inputs = keras.Input((8, 8, 4))
    inner_branch = layers.Conv2D(4, 3, padding="same")(layers.Conv2D(4, 1)(inner_inputs))
    inner = keras.Model(inner_inputs, layers.Add(name="second")([inner_inputs, inner_branch]))
    inputs = keras.Input((8, 8, 2))
    x = inner(block(inputs, True))
    outputs = layers.Conv2D(4, 3, padding="same")(x) + x
    found = branches(keras.Model(inputs, outputs))
    assert [branch.place for branch in found] == [1, 1, 0]
    assert found[1].addition.name == "second"
    assert [type(branch.addition).__name__ for branch in found] == ["Add"] * 3
    assert not isinstance(found[2].addition, keras.Layer)
