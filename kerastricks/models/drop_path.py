"""Drop path: residual branches that are left out at random in training, sample by sample, in any graph.

The additions of a model stay what they are, and are saved as such: only how they are called in training changes.
"""

from collections.abc import Sequence
from typing import Any

import keras

from kerastricks import keras_private
from kerastricks.models.graph import all_layers, branches, has_graph

_DROPS = ("StochasticDepth", "DropPath")  # layers of others


class DropPath(keras.layers.Layer):
    """Sets samples to zero with probability `rate` in training, and scales the others by 1 / (1 - rate).

    Args:
        rate: Probability, at least 0 and below 1.
        generator: The `keras.random.SeedGenerator` that it draws from, which others may share.
    """

    def __init__(self, rate: float, generator: Any):
        super().__init__(autocast=False)  # the branch keeps its precision
        self.rate, self.generator = rate, generator

    def call(self, branch, training=False):
        if not training:
            return branch
        shape = (None,) + (1,) * (len(branch.shape) - 1)
        return keras.random.dropout(branch, self.rate, noise_shape=shape, seed=self.generator)


def put_drop_paths(model: Any, rates: Sequence[float], seed: int) -> None:
    """Lets the residual branches of `model` be dropped in training, in place; see `kerastricks.models.graph.branches`.

    Compile the model afterwards. The state of the random numbers is a variable of the model.

    Args:
        model: A functional or Sequential model.
        rates: One probability a branch, in the order of the computation; 0 leaves a branch as it is.
        seed: Seed of the draws.
    """
    remove_drop_paths(model)
    model.drop_path_generator = generator = keras.random.SeedGenerator(seed)
    for branch, rate in zip(branches(model), rates, strict=True):
        if rate:
            branch.addition.call = _dropping(branch.addition, branch.place, DropPath(rate, generator))
            if not isinstance(branch.addition, keras.Layer):
                keras_private.tell_training(branch.addition, True)


def _dropping(addition: Any, place: int, drop: DropPath) -> Any:
    """Returns the replacement for the `call` of an operation that adds a branch to its shortcut."""

    def call(*inputs, training=None):
        told = {} if training is None else {"training": training}  # otherwise Keras tells it
        parts = keras.tree.flatten(inputs)
        parts[place] = drop(parts[place], **told)
        return type(addition).call(addition, *keras.tree.pack_sequence_as(inputs, parts))

    call.drop = drop  # type: ignore[attr-defined]
    return call


def remove_drop_paths(model: Any) -> None:
    """Takes away what `put_drop_paths` put in."""
    if not hasattr(model, "drop_path_generator"):
        return
    keras_private.untrack(model, model.drop_path_generator)
    del model.drop_path_generator
    for addition in _changed(model):
        del addition.call
        if not isinstance(addition, keras.Layer):
            keras_private.tell_training(addition, False)


def dropping(model: Any) -> Any:
    """Returns an operation of `model` that drops paths already, of Keras or of others, or None."""
    return next(iter([*filter(_drops, all_layers(model)), *_changed(model)]), None) if has_graph(model) else None


def _drops(layer: Any) -> bool:
    shape = getattr(layer, "noise_shape", None)
    samples = isinstance(layer, keras.layers.Dropout) and shape and set(shape[1:]) == {1}
    rate = getattr(layer, "rate", getattr(layer, "drop_path_rate", getattr(layer, "drop_prob", 1)))
    return bool((samples or type(layer).__name__ in _DROPS) and rate)


def _changed(model: Any) -> list:
    additions = [branch.addition for branch in branches(model)]
    return [addition for addition in additions if hasattr(vars(addition).get("call"), "drop")]
