import keras
from keras import layers

from kerastricks.models.footprint import largest_batch, training_bytes


def network(frozen=False):
    """8×8×3 images; 6×6×2 after the first convolution, 4×4×5 after the second, 3 classes: 72 + 80 + 3 numbers."""
    parts = [
        keras.Input((8, 8, 3)),
        layers.Conv2D(2, 3, use_bias=False),
        layers.ReLU(),
        layers.Conv2D(5, 3, use_bias=False),
    ]
    model = keras.Sequential([*parts, layers.GlobalAveragePooling2D(), layers.Dense(3, use_bias=False)])
    if frozen:
        model.layers[0].trainable = False
    return model


WEIGHTS = 3 * 3 * 3 * 2 + 3 * 3 * 2 * 5 + 5 * 3  # 54 + 90 + 15


def test_counts_outputs_and_weights():
    assert training_bytes(network(), 10) == 4 * (10 * (72 + 80 + 3) + 4 * WEIGHTS)


def test_frozen_layers_below_keep_nothing():
    assert training_bytes(network(frozen=True), 10) == 4 * (10 * (80 + 3) + 4 * WEIGHTS)


def test_halves_until_it_fits():
    """At 4 images 2,480 + 2,544 bytes fit into 6,000; at 8 they do not."""
    assert largest_batch(network(), 32, 6000) == 4
    assert largest_batch(network(), 32, 100) == 0


def test_a_model_without_a_graph_is_unknown():
    class Own(keras.Model):
        def call(self, x):
            return x

    assert training_bytes(Own(), 8) == 0
