import keras
import numpy as np
import pytest
from keras import layers

import kerastricks as kt

torch = pytest.importorskip("torch")
from kerastricks.commands.bench.native import training, translate  # noqa: E402


@pytest.mark.parametrize(
    ("name", "shape"),
    [("resnet20", (32, 32, 3)), ("ResNet50", (64, 64, 3)), ("MobileNet", (32, 32, 3)), ("InceptionV3", (96, 96, 3))],
)
def test_has_the_form_and_the_parameters_of_the_keras_model(name, shape):
    model = kt.models.build(name, classes=7, input_shape=shape)
    network = translate(model)
    assert network(torch.rand(2, *shape[::-1])).shape == (2, 7)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    # Keras' InceptionV3 has no γ; PyTorch's normalization has γ and β or neither.
    assert sum(p.numel() for p in network.parameters()) >= trainable
    if name != "InceptionV3":
        assert sum(p.numel() for p in network.parameters()) == trainable


def test_gives_the_same_outputs_from_the_same_weights():
    """A block with a shortcut, padded alike on both sides, in inference."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(inputs)
    y = layers.BatchNormalization(name="n")(layers.Conv2D(4, 3, padding="same", use_bias=False, name="b")(x))
    x = layers.MaxPooling2D()(layers.ReLU()(layers.Add()([x, y])))
    model = keras.Model(inputs, layers.Dense(5, name="d")(layers.GlobalAveragePooling2D()(x)))
    network = translate(model).eval()
    found = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    with torch.no_grad():
        for name, module in zip("abd", found, strict=True):
            kernel, *bias = model.get_layer(name).get_weights()
            module.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T))
            if bias:
                module.bias.copy_(torch.tensor(bias[0]))
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    with torch.no_grad():
        obtained = network(torch.tensor(images.transpose(0, 3, 1, 2)))
    # Fresh statistics: mean 0, variance 1; ε differs from 0 by a thousandth.
    assert obtained.numpy() == pytest.approx(model.predict(images, verbose=0), abs=1e-3)


def test_says_what_it_cannot_translate():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.LayerNormalization(), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match="LayerNormalization has no counterpart"):
        translate(model)


def test_trains(model):
    training(model, batch_size=2, steps=3, bfloat16=False)()
