import keras
import numpy as np
import pytest

from kerastricks import models
from kerastricks.models.graph import all_layers
from kerastricks.models.heads import crossentropy


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
    scalings = [layer for layer in all_layers(model) if "rescaling" in layer.name]
    assert len(scalings) == 1


@pytest.mark.parametrize(
    ("name", "near"), [("resnet20x", "resnet20"), ("resnet50e", "resnet50"), ("MobileNett", "mobilenet")]
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


# Published counts, with 1,000 classes: torchvision's for the forms A and B, GluonCV's and timm's for D.
SIZES = {
    "resnet18a": 11_689_512,
    "resnet34b": 21_797_672,
    "resnet50a": 25_557_032,
    "resnet50b": 25_557_032,
    "resnet50c": 25_576_264,
    "resnet50d": 25_576_264,
    "resnet101b": 44_549_160,
    "resnet152a": 60_192_808,
}


@pytest.mark.parametrize(("name", "expected"), SIZES.items())
def test_imagenet_resnets_have_the_published_size(name, expected):
    model = models.build(name, classes=1000, input_shape=(64, 64, 3), kernel_initializer="zeros")
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == expected


# He et al., 2018, table 5: 3.8, 4.1, 4.3 and 4.3 GFLOPs, counted as multiply-adds; theirs leave out some layers.
FLOPS = {"resnet50a": 3.8, "resnet50b": 4.1, "resnet50c": 4.3, "resnet50d": 4.3}


def multiply_adds(model):
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            positions = np.prod(layer.output.shape[1:-1], dtype=int) if len(layer.output.shape) == 4 else 1
            total += int(positions) * int(np.prod(layer.kernel.shape))
    return total


@pytest.mark.parametrize(("name", "expected"), FLOPS.items())
def test_imagenet_resnets_have_the_papers_flops(name, expected):
    model = models.build(name, classes=1000, input_shape=(224, 224, 3), kernel_initializer="zeros")
    assert multiply_adds(model) / 1e9 == pytest.approx(expected, abs=0.06)


def test_initializers_are_arguments():
    """γ of zero in the last normalization of each of the 16 blocks, 1 in the others."""
    model = models.build("resnet50d", classes=3, input_shape=(32, 32, 3), width=4, gamma_initializer="zeros")
    gammas = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables if v.name == "gamma"]
    assert sum(not gamma.any() for gamma in gammas) == 16
    constant = models.build("resnet20", classes=3, input_shape=(8, 8, 3), kernel_initializer="ones")
    assert (keras.ops.convert_to_numpy(constant.get_layer(index=2).kernel) == 1).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet50d", {"input_shape": (31, 32, 3)}, "32×32 pixels and up. Received"),
        ("resnet50d", {"input_shape": (32, 32, 3), "width": 1}, "at least 2 filters. Received: width=1"),
        ("resnet50e", {"input_shape": (32, 32, 3)}, "Unknown model 'resnet50e'"),
    ],
)
def test_imagenet_resnets_refuse(name, options, message):
    with pytest.raises(ValueError, match=message):
        models.build(name, classes=3, **options)
