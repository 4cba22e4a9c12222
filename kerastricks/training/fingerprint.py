"""What a checkpoint and the run that goes on with it must have in common."""

import functools
import hashlib
import importlib
import importlib.metadata
import json
import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerastricks.training.sources import Batch, as_arrays
from kerastricks.training.trick import Plan, Trick

# Of these a run may have more when it goes on, and what follows from them differs then.
_CHANGED = ("trainable", "dtype", "momentum", "class_name", "registered_name", "module", "build_config")
GROWS, FOLLOWS = "epochs", ("durations",)


def fingerprint(recipe: Any, model: Any, plan: Plan, source: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings, the data and the code of a run as plain values, by what they are called.

    Args:
        recipe: The `Recipe`.
        model: The network, as it was given.
        plan: The plan that the batches follow.
        source: The `Source` of the data.
        settings: Whatever else was asked for.
    """
    backend = keras.backend.backend()
    versions = {backend: importlib.import_module(backend).__version__, "keras": keras.__version__}
    return {
        GROWS: plan.epochs,
        "durations": [f"{one.name} {name}={getattr(one, name)!r}" for one in recipe.tricks for name in one.durations],
        "tricks": [_without_durations(trick) for trick in recipe.tricks],
        **{name: getattr(recipe, name) for name in ("learning_rate", "weight_decay")},
        "optimizer": _plain(recipe.optimizer),
        "batch size": plan.batch_size,
        "steps per epoch": plan.steps_per_epoch,
        "seed": plan.seed,
        "network": _hash(_architecture(model)),
        "training data": _data(source.arrays, source.images),
        "validation data": _data(as_arrays(source.validation_data, "validation_data"), None),
        **{name: _plain(value) for name, value in settings.items()},
        "versions": {**versions, "kerastricks": importlib.metadata.version("kerastricks")},
    }


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns a line for each thing in which two fingerprints differ; none if a run may go on.

    A run may have more epochs than before; its durations, which follow from them, may then differ.
    """
    grows = now[GROWS] > before[GROWS]
    may = (GROWS, *FOLLOWS) if grows else ()
    names = [name for name in {**before, **now} if name not in may and before.get(name) != now.get(name)]
    sides = [(name, *_differing(before.get(name), now.get(name))) for name in names]
    return [f"{name}: {_shown(then)} then, {_shown(here)} now" for name, then, here in sides]


def _differing(before: Any, now: Any) -> tuple[Any, Any]:
    """Returns of two lists what each has alone, or the two things themselves."""
    if not isinstance(before, list) or not isinstance(now, list) or sorted(map(str, before)) == sorted(map(str, now)):
        return before, now
    alone = [[one for one in side if one not in other] for side, other in ((before, now), (now, before))]
    first, second = (", ".join(map(str, side)) or "without" for side in alone)
    return first, second


def _without_durations(trick: Any) -> str:
    fields = vars(trick)
    return (
        f"{trick.name}({', '.join(f'{name}={_plain(v)}' for name, v in fields.items() if name not in trick.durations)})"
    )


def _architecture(model: Any) -> str:
    """Returns a model's layers, settings and variables, without the numbers by which Keras tells names apart."""
    variables = [f"{variable.name} {tuple(variable.shape)} {variable.dtype}" for variable in model.variables]
    try:
        config = json.dumps(_settled(model.get_config()), sort_keys=True, default=lambda value: type(value).__name__)
    except (NotImplementedError, TypeError, ValueError):  # a class of the user's that Keras cannot describe
        config = type(model).__qualname__
    return "\n".join([re.sub(r"_\d+\b", "", config), *variables])


def _settled(config: Any) -> Any:
    """Returns the part of a config that tricks leave as it is: a model that was trained before may go on, too."""
    if isinstance(config, list | tuple):
        return [_settled(part) for part in config]
    if not isinstance(config, Mapping):
        return config
    return {str(name): _settled(value) for name, value in config.items() if name not in _CHANGED}


def _data(arrays: Batch | None, some: np.ndarray | None) -> str | None:
    """Returns what tells data apart: the number of images, labels and weights, and 64 of the images, from all over."""
    if arrays is None:
        return None if some is None else f"batches of {tuple(some.shape)} {some.dtype}"
    if some is None:
        rows = np.unique(np.linspace(0, len(arrays.labels) - 1, min(64, len(arrays.labels))).astype(int))
        some = np.asarray(arrays.images[rows])
    contents = [part for part in (arrays.labels, arrays.weights, some) if part is not None]
    hashed = _hash(b"".join(np.ascontiguousarray(part).tobytes() for part in contents))
    return f"{len(arrays.labels)} images of {tuple(some.shape[1:])}, {hashed}"


def _hash(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Returns a setting as it can be compared in another process."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _hash(np.ascontiguousarray(value).tobytes())
    if isinstance(value, functools.partial):
        return [_plain(value.func), _plain(value.args), _plain(value.keywords)]
    if isinstance(value, keras.Model):
        return _hash(b"".join(np.ascontiguousarray(weight).tobytes() for weight in value.get_weights()))
    if isinstance(value, Trick):
        return f"{value.name}({', '.join(f'{name}={_plain(part)}' for name, part in vars(value).items())})"
    name = getattr(value, "__name__", type(value).__name__)
    if isinstance(value, type) or not hasattr(value, "get_config"):
        return name
    try:
        return f"{name} {json.dumps(value.get_config(), sort_keys=True, default=_plain)}"
    except (NotImplementedError, TypeError, ValueError):  # a class of the user's that cannot be described
        return name


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
