"""Builds any model by its name: the shipped ones, those of `keras.applications`, and `.keras` files."""

import difflib
import inspect
from pathlib import Path
from typing import Any

import keras
from keras import layers

from kerastricks.models.graph import all_layers, has_graph
from kerastricks.models.heads import class_count
from kerastricks.models.resnet import shipped

SHIPPED = shipped()


def applications() -> dict[str, Any]:
    """Returns the constructors of `keras.applications`, by name in lower case."""
    found = {}
    for name in dir(keras.applications):
        constructor = getattr(keras.applications, name)
        if inspect.isfunction(constructor) and "classifier_activation" in inspect.signature(constructor).parameters:
            found[name.lower()] = constructor
    return found


def find(name: str) -> Any:
    """Returns the constructor of a model by its name in any case, or the `Path` of a `.keras` file.

    Raises:
        ValueError: If there is no such model.
    """
    if name.endswith(".keras"):
        if not Path(name).is_file():
            raise ValueError(f"There is no model file {name}.")
        return Path(name)
    known = {**applications(), **SHIPPED}
    if name.lower() not in known:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"Unknown model '{name}'.{hint} Known: {', '.join(SHIPPED)}, every name of keras.applications, "
            "and the path of a .keras file."
        )
    return known[name.lower()]


def build(name: str, *, classes: int, input_shape: tuple[int, int, int], **options: Any) -> Any:
    """Returns a classifier that takes images in 0..255.

    Args:
        name: `resnet20` to `resnet110` for small images, `resnet18a` to `resnet152d` (depth and form of the paper) for
            large ones; a name of `keras.applications` in any case, built untrained and ending in logits, with
            a layer that scales pixels to [-1, 1] where it has none; or the path of a `.keras` file.
        classes: Number of classes.
        input_shape: (height, width, channels).
        options: Passed on to the constructor, such as `width=32` for `resnet20`; none for a file.

    Raises:
        ValueError: If the name is unknown, the file does not fit, or the constructor refuses the shape.
    """
    constructor = find(name)
    if isinstance(constructor, Path):
        return _load(constructor, classes, input_shape, options)
    if name.lower() in SHIPPED:
        return constructor(classes=classes, input_shape=input_shape, **options)
    arguments = {"weights": None, "classes": classes, "input_shape": input_shape, "classifier_activation": None}
    model = constructor(**{**arguments, **options})
    if any(isinstance(layer, layers.Rescaling) for layer in all_layers(model)):
        return model
    images = keras.Input(input_shape)
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(images)
    return keras.Model(images, model(scaled), name=model.name)


def _load(path: Path, classes: int, input_shape: tuple[int, int, int], options: dict) -> Any:
    if options:
        raise ValueError(f"A .keras file takes no options. Received: {', '.join(options)}")
    model = keras.saving.load_model(path, compile=False)
    if class_count(model) != classes:
        raise ValueError(f"The model in {path} has {class_count(model)} classes, the data has {classes}.")
    expected = tuple(model.input_shape[1:]) if has_graph(model) else input_shape
    if any(want not in (None, given) for want, given in zip(expected, input_shape, strict=True)):
        raise ValueError(f"The model in {path} takes images of shape {expected}, the data has {input_shape}.")
    return model
