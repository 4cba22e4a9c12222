"""The networks of `keras.applications`, with the preprocessing of their families in the graph."""

import inspect
import sys
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerastricks.models.graph import all_layers


def constructors() -> dict[str, Any]:
    """Returns the constructors of `keras.applications`, by name in lower case."""
    found = {}
    for name in dir(keras.applications):
        constructor = getattr(keras.applications, name)
        if inspect.isfunction(constructor) and "classifier_activation" in inspect.signature(constructor).parameters:
            found[name.lower()] = constructor
    return found


def untrained(constructor: Any, classes: int, input_shape: tuple[int, int, int], options: dict) -> Any:
    """Returns a network with random weights that ends in logits; pixels are scaled to [-1, 1] where it does not."""
    arguments = {"weights": None, "classes": classes, "input_shape": input_shape, "classifier_activation": None}
    model = constructor(**{**arguments, **options})
    if any(isinstance(layer, layers.Rescaling) for layer in all_layers(model)):
        return model
    images = keras.Input(input_shape)
    return keras.Model(images, model(layers.Rescaling(1 / 127.5, offset=-1)(images)), name=model.name)


def pretrained(constructor: Any, classes: int, input_shape: tuple[int, int, int], options: dict) -> tuple[Any, str]:
    """Returns a network with the ImageNet weights that Keras downloads and a new last layer, and a line that says so.

    Raises:
        ValueError: If the images are not in colour, or the weights can be neither found nor downloaded.
    """
    if input_shape[-1] != 3:
        raise ValueError(f"ImageNet weights are for colour images, of three channels. Received: {input_shape}")
    try:
        backbone = constructor(
            **{"weights": "imagenet", "include_top": False, "pooling": "avg", "input_shape": input_shape, **options}
        )
    except Exception as error:
        if "URL fetch failure" not in str(error):
            raise
        raise ValueError(
            f"The ImageNet weights of {constructor.__name__} are not on this machine, and Keras cannot download them: "
            f"{error}. Connect once, pass --weights FILE, or take --model efficientnet_lite0, whose weights are in a "
            "package."
        ) from None
    images = keras.Input(input_shape)
    features = backbone(preprocessing(constructor)(images))
    model = keras.Model(images, layers.Dense(classes, name="head")(features), name=backbone.name)
    count = len(backbone.weights)
    return model, f"weights: {count} of {count + 2} tensors from ImageNet (keras.applications); new: head"


def preprocessing(constructor: Any) -> Any:
    """Returns a function of images in 0..255 that does what `preprocess_input` of a network's family does.

    All families scale and shift each channel; some take blue first.
    """
    family = sys.modules[constructor.__module__].preprocess_input
    black, red, white = (
        np.asarray(family(np.array([[[pixel]]], "float32")), "float64").reshape(3)
        for pixel in ((0, 0, 0), (255, 0, 0), (255, 255, 255))
    )
    scale, blue_first = (white - black) / 255, bool(red[0] == black[0])
    if np.allclose(scale, 1) and np.allclose(black, 0):
        return lambda images: images
    rescaling = layers.Rescaling(scale.tolist(), offset=black.tolist())
    return lambda images: rescaling(ops.flip(images, -1) if blue_first else images)
