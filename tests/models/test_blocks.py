import keras
import pytest
from keras import layers

from kerastricks import models
from kerastricks.models.blocks import blocks
from kerastricks.models.graph import all_layers


def names(model):
    return [[layer.name for layer in block] for block in blocks(model)]


def test_a_chain_gives_each_kernel_a_block():
    """A normalization belongs to the kernel before it; the last layer is a block by itself."""
    parts = [
        *(keras.Input((8, 8, 3)), layers.Conv2D(2, 3, name="a"), layers.BatchNormalization(name="n"), layers.ReLU()),
        *(layers.Conv2D(2, 3, name="b"), layers.GlobalAveragePooling2D(), layers.Dense(3, name="head")),
    ]
    assert names(keras.Sequential(parts)) == [["a", "n"], ["b"], ["head"]]


def residual():
    x = inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="stem_norm")(layers.Conv2D(4, 3, name="stem")(x))
    y = layers.Conv2D(4, 3, padding="same", name="b")(layers.Conv2D(4, 3, padding="same", name="a")(x))
    x = layers.Add()([layers.Conv2D(4, 1, name="shortcut")(x), y])
    x = layers.Conv2D(4, 3, name="d")(layers.Conv2D(4, 3, name="c")(x))
    x = layers.Add()([x, layers.Conv2D(4, 1, name="e")(x)])
    return keras.Model(inputs, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(x)))


def test_a_branch_and_its_shortcut_are_a_block_and_so_is_what_lies_between_two():
    found = [sorted(block) for block in names(residual())]
    assert found == [["stem", "stem_norm"], ["a", "b", "shortcut"], ["c", "d"], ["e"], ["head"]]


def test_a_nested_model_gives_its_own_blocks():
    inner = residual()
    images = keras.Input((8, 8, 3))
    outer = keras.Model(images, layers.Dense(2, name="outer")(inner(layers.Rescaling(1 / 255)(images))))
    found = [sorted(block) for block in names(outer)]
    assert found == [["stem", "stem_norm"], ["a", "b", "shortcut"], ["c", "d"], ["e"], ["head"], ["outer"]]


@pytest.mark.parametrize(
    ("name", "side", "count"),
    [
        ("resnet20", 32, 11),  # the stem, nine blocks, the last layer
        ("resnet50d", 64, 18),  # likewise 16
        ("vgg16", 32, 16),  # 13 convolutions, 3 dense layers
        ("efficientnet_lite0", 32, 16),  # ten blocks with a shortcut, the five chains between them, the last layer
    ],
)
def test_networks(name, side, count):
    model = models.build(name, classes=3, input_shape=(side, side, 3))
    found = blocks(model)
    every = [layer for block in found for layer in block]
    assert len(found) == count
    assert sorted(layer.name for layer in every) == sorted(layer.name for layer in all_layers(model) if layer.weights)
    assert len(found[-1]) == 1
