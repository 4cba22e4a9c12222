import keras
import numpy as np
import pytest

from kerastricks import models
from kerastricks.outputs import crossentropy


def test_resnet20_has_the_published_size():
    """0.27 million (He et al., 2015, table 6): convolutions 267,696, γ and β 1,376, dense 650; and two projections."""
    model = models.build("resnet20", classes=10, input_shape=(32, 32, 3))
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert trainable == 267_696 + 1_376 + 650 + (16 * 32 + 64) + (32 * 64 + 128)


def test_width_scales_the_filters():
    model = models.build("resnet20", classes=3, input_shape=(8, 8, 1), width=4)
    assert {variable.shape[-1] for variable in model.variables if variable.name == "kernel"} == {3, 4, 8, 16}


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 13, 3), (32, 32, 4)])
def test_resnet20_takes_any_image_from_eight_pixels_on(shape):
    model = models.build("resnet20", classes=5, input_shape=shape, width=2)
    assert model(np.zeros((2, *shape), "uint8")).shape == (2, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (7, 8, 3)}, "8×8 pixels and up. Received"),
        ({"input_shape": (8, 8, 3), "width": 0}, "at least 1 filter. Received: width=0"),
    ],
)
def test_resnet20_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.build("resnet20", classes=3, **arguments)


@pytest.mark.parametrize("name", ["MobileNet", pytest.param("efficientnetb0", marks=pytest.mark.slow)])
def test_builds_keras_applications_that_scale_their_pixels_once(name):
    model = models.build(name, classes=3, input_shape=(32, 32, 3))
    assert crossentropy(model).from_logits
    scalings = [layer for graph in models.graphs(model) for layer in graph.layers if "rescaling" in layer.name]
    assert len(scalings) == 1


@pytest.mark.parametrize(
    ("name", "near"), [("resnet2", "resnet20"), ("resnet51", "resnet50"), ("MobileNett", "mobilenet")]
)
def test_names_the_nearest_model(name, near):
    with pytest.raises(ValueError, match=f"Unknown model '{name}'. Did you mean {near}"):
        models.build(name, classes=3, input_shape=(32, 32, 3))


def test_opens_a_file(tmp_path):
    model = models.build("resnet20", classes=3, input_shape=(8, 8, 1), width=2)
    path = tmp_path / "model.keras"
    model.save(path)
    again = models.build(str(path), classes=3, input_shape=(8, 8, 1))
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1))
    assert np.array_equal(*(keras.ops.convert_to_numpy(m(images, training=False)) for m in (model, again)))
    for fit, message in (
        ({"classes": 4, "input_shape": (8, 8, 1)}, "has 3 classes, the data has 4"),
        ({"classes": 3, "input_shape": (8, 8, 3)}, r"of shape \(8, 8, 1\), the data has \(8, 8, 3\)"),
        ({"classes": 3, "input_shape": (8, 8, 1), "width": 2}, "takes no options"),
    ):
        with pytest.raises(ValueError, match=message):
            models.build(str(path), **fit)


def test_refuses_a_file_that_is_not_there():
    with pytest.raises(ValueError, match="There is no model file none.keras"):
        models.build("none.keras", classes=3, input_shape=(8, 8, 1))
