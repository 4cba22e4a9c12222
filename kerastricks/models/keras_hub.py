"""Classifiers of KerasHub from a directory with a preset, with their preprocessing in the graph."""

import importlib.util
from pathlib import Path
from typing import Any

import keras
from keras import layers


def is_preset(name: str) -> bool:
    """Tells whether `name` is a directory that KerasHub wrote with `save_to_preset`."""
    return Path(name, "config.json").is_file()


def load_preset(name: str, classes: int, input_shape: tuple[int, int, int]) -> tuple[Any, str]:
    """Returns a classifier of images in 0..255 with the preset's backbone, and a line that says what is new.

    The last layer is the preset's where it has one for as many classes, else a new one.

    Args:
        name: The directory.
        classes: Number of classes.
        input_shape: (height, width, channels).

    Raises:
        ValueError: If KerasHub is not installed, or the preset is for other images.
    """
    if importlib.util.find_spec("keras_hub") is None:
        raise ValueError(f"{name} is a preset of KerasHub, which is not installed. Run: pip install 'kerastricks[hub]'")
    import keras_hub

    load = keras_hub.models.ImageClassifier.from_preset
    new = ""
    try:
        classifier = load(name) if Path(name, "task.json").is_file() else None
        if classifier is None or classifier.output_shape[-1] != classes:
            classifier, new = load(name, num_classes=classes), "; new: the last layer"
    except ValueError as error:
        raise ValueError(f"{name} holds no image classifier or backbone of KerasHub: {error}") from None
    images = keras.Input(input_shape)
    try:
        outputs = classifier(scaled(images, classifier))
    except ValueError as error:
        raise ValueError(f"The preset {name} does not take images of shape {input_shape}: {error}") from None
    model = keras.Model(images, outputs, name=Path(name).name)
    return model, f"weights: {len(classifier.backbone.weights)} tensors of the backbone from {name}{new}"


def scaled(images: Any, classifier: Any) -> Any:
    """Returns images as the preprocessor of a classifier would scale them; it is no part of the classifier's graph."""
    converter = getattr(classifier.preprocessor, "image_converter", None)
    scale, offset = (getattr(converter, name, None) for name in ("scale", "offset"))
    if scale is None and offset is None:
        return images
    return layers.Rescaling(1.0 if scale is None else scale, offset=0.0 if offset is None else offset)(images)
