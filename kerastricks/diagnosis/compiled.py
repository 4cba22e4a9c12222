"""What the loss of a compiled model expects."""

import functools
from typing import Any, NamedTuple

import keras

from kerastricks.training.one_hot import OneHotLoss


class Loss(NamedTuple):
    """What a loss expects.

    Attributes:
        kind: `sparse` for integer labels, `categorical` for rows, `binary` for outputs of their own.
        from_logits: Whether it takes logits.
        smoothing: Its label smoothing.
        takes: Whether it checks nothing of the labels, as it takes both forms.
        words: How to write it, as `SparseCategoricalCrossentropy`.
    """

    kind: str
    from_logits: bool
    smoothing: float
    takes_both: bool
    words: str


_KINDS = {
    "SparseCategoricalCrossentropy": "sparse",
    "CategoricalCrossentropy": "categorical",
    "CategoricalFocalCrossentropy": "categorical",
    "BinaryCrossentropy": "binary",
    "BinaryFocalCrossentropy": "binary",
}


def read(loss: Any) -> Loss | None:
    """Returns what a loss expects, or None if it is no cross-entropy of Keras'."""
    both = isinstance(loss, OneHotLoss)
    if isinstance(loss, OneHotLoss):
        loss = loss.loss
    if isinstance(loss, list | tuple | dict) and len(loss) == 1:
        (loss,) = loss.values() if isinstance(loss, dict) else loss
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return None
    settings: dict[str, Any] = {}
    if isinstance(loss, functools.partial):
        loss, settings = loss.func, loss.keywords
    if isinstance(loss, keras.losses.Loss):
        name, settings = type(loss).__name__, loss.get_config()
    else:
        name = getattr(loss, "__name__", "").replace("_", " ").title().replace(" ", "")
    if name not in _KINDS:
        return None
    smoothing = float(settings.get("label_smoothing") or 0)
    return Loss(_KINDS[name], bool(settings.get("from_logits", False)), smoothing, both, name)
