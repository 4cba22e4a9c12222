"""The families of keras.applications under the tutorial's recipe, at the smallest images they take."""

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.models.graph import residuals
from kerastricks.recipes.tutorial import recipe

pytestmark = pytest.mark.slow

# name: (side of the images, tricks that do not apply)
PAPER = {
    "ResNet50": (32, ()),
    "InceptionV3": (75, ("ZeroGamma",)),
    "MobileNet": (32, ("ZeroGamma",)),
}
FURTHER = {
    "VGG16": (32, ("ZeroGamma",)),
    "Xception": (71, ()),
    "DenseNet121": (32, ("ZeroGamma",)),
    "ResNet50V2": (32, ("ZeroGamma",)),
    "InceptionResNetV2": (75, ("ZeroGamma",)),
    "MobileNetV2": (32, ()),
    "MobileNetV3Small": (32, ()),
    "EfficientNetB0": (32, ()),
    "EfficientNetV2B0": (32, ()),
    "ConvNeXtTiny": (32, ("ZeroGamma",)),
}
if keras.backend.backend() == "tensorflow":
    PAPER["NASNetMobile"] = (32, ())  # Keras has none on PyTorch, and its hundred cells take minutes on JAX
FASTEST = keras.backend.backend() == "torch"  # a second each; half a minute on TensorFlow


def check_shortcuts(model, size):
    """Right after `zero_gamma`, what each branch adds to its shortcut is zero."""
    kt.zero_gamma(model)
    image = np.random.default_rng(0).integers(0, 256, (1, size, size, 3)).astype("float32")
    found = residuals(model)
    for graph in {id(residual.graph): residual.graph for residual in found}.values():
        branches = [graph.producer(residual.branch).operation.output for residual in found if residual.graph is graph]
        outputs = keras.Model(graph.model.input, branches)(image)
        for output in outputs if isinstance(outputs, list | tuple) else [outputs]:
            assert not keras.ops.convert_to_numpy(output).any()


def two_steps(name, size, left_out):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (8, size, size, 3), "uint8"), np.arange(8) % 3
    model = kt.models.build(name, classes=3, input_shape=(size, size, 3))
    if not left_out:
        check_shortcuts(model, size)
    tricks = recipe.without("Warmup", *left_out)
    history = tricks.fit(model, (images, labels), epochs=1, batch_size=4, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for trick in left_out:
        with pytest.raises(ValueError, match=f"{trick} would have no effect"):
            kt.zero_gamma(model)
    keras.backend.clear_session()


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_three_train_on_every_backend(name):
    two_steps(name, *PAPER[name])


@pytest.mark.parametrize("name", FURTHER if FASTEST else [])
def test_one_of_each_further_family_trains(name):
    two_steps(name, *FURTHER[name])
