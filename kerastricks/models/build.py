"""Builds any model by its name: the shipped ones, those of `keras.applications`, and `.keras` files."""

import difflib
from pathlib import Path
from typing import Any

from kerastricks.models import airbench, applications, archive, efficientnet_lite, keras_hub, pretrained, resnet
from kerastricks.models.graph import has_graph
from kerastricks.models.heads import class_count

SHIPPED = {**resnet.shipped(), **airbench.shipped(), **efficientnet_lite.shipped()}


def find(name: str) -> Any:
    """Returns the constructor of a model by its name in any case, or the `Path` of a `.keras` file or a preset.

    Raises:
        ValueError: If there is no such model, or it is in a form that can run code.
    """
    archive.refuse_format(name)
    if name.endswith(".keras"):
        if not Path(name).is_file():
            raise ValueError(f"There is no model file {name}.")
        return Path(name)
    if keras_hub.is_preset(name):
        return Path(name)
    known = {**applications.constructors(), **SHIPPED}
    if name.lower() not in known:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"Unknown model '{name}'.{hint} Known: {', '.join(SHIPPED)}, every name of keras.applications, "
            "the path of a .keras file, and a directory with a preset of KerasHub."
        )
    return known[name.lower()]


def build(
    name: str, *, classes: int, input_shape: tuple[int, int, int], weights: str | None = None, **options: Any
) -> Any:
    """Returns a classifier that takes images in 0..255; with `weights`, a printed line says what was loaded.

    Args:
        name: `resnet20` to `resnet110` and `airbench` for small images, `resnet18a` to `resnet152d` (depth and form of
            the paper) and `efficientnet_lite0` to `efficientnet_lite2` for large ones; a name of `keras.applications`
            in any case, ending in logits, its own preprocessing in its graph; the path of a `.keras` file; or that of
            a directory with a preset of KerasHub.
        classes: Number of classes.
        input_shape: (height, width, channels).
        weights: `imagenet`: of the EfficientNet-Lites from the packages of `kerastricks[pretrained]`, of
            `keras.applications` as Keras downloads them; or a `.keras` or `.weights.h5` file of the same architecture.
            A last layer that does not fit the classes is new. None begins at random.
        options: Passed on to the constructor, such as `width=32` for `resnet20`; none for a file.

    Raises:
        ValueError: If the name is unknown, the file does not fit, or the constructor refuses the shape.
    """
    model, loaded = assemble(name, classes, input_shape, weights, **options)
    if loaded:
        print(loaded)
    return model


def assemble(
    name: str, classes: int, input_shape: tuple[int, int, int], weights: str | None = None, **options: Any
) -> tuple[Any, str]:
    """Returns what `build` does, and the line that says which weights were loaded, empty where none were asked for."""
    constructor = find(name)
    if isinstance(constructor, Path) and not keras_hub.is_preset(name):
        if weights is not None:
            raise ValueError(f"{name} has weights of its own. Leave --weights out. Received: weights={weights!r}")
        return _load(constructor, classes, input_shape, options), ""
    if keras_hub.is_preset(name):
        if weights is not None or options:
            raise ValueError(f"The preset {name} has weights and settings of its own. Leave --weights out.")
        for file in sorted(constructor.glob("*.json")):
            archive.check_config(file.read_bytes(), file)
        return keras_hub.load_preset(name, classes, input_shape)
    if weights == "imagenet" and name.lower() not in SHIPPED:
        return applications.pretrained(constructor, classes, input_shape, options)
    if weights == "imagenet" and not pretrained.is_packaged(name):
        raise ValueError(
            f"There are no ImageNet weights for {name}. There are for efficientnet_lite0, efficientnet_lite1, "
            "efficientnet_lite2 and every name of keras.applications."
        )
    if name.lower() in SHIPPED:
        model = constructor(classes=classes, input_shape=input_shape, **options)
    else:
        model = applications.untrained(constructor, classes, input_shape, options)
    if weights is None:
        return model, ""
    load = pretrained.load_packaged if weights == "imagenet" else pretrained.load_file
    return model, str(load(model, name if weights == "imagenet" else weights))


def _load(path: Path, classes: int, input_shape: tuple[int, int, int], options: dict) -> Any:
    if options:
        raise ValueError(f"A .keras file takes no options. Received: {', '.join(options)}")
    model = archive.load(path)
    if class_count(model) != classes:
        raise ValueError(f"The model in {path} has {class_count(model)} classes, the data has {classes}.")
    expected = tuple(model.input_shape[1:]) if has_graph(model) else input_shape
    if any(want not in (None, given) for want, given in zip(expected, input_shape, strict=True)):
        raise ValueError(f"The model in {path} takes images of shape {expected}, the data has {input_shape}.")
    return model
