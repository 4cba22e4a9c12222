"""The names, and what happens where one is missing."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import keras

# name: (what for, what happens without it)
NAMES = {
    "_nodes_by_depth": ("reads the graph of a model", "the graph is read from the model's config, which is slower"),
    "_keras_history": ("tells which layer made a tensor", "the graph is read from the model's config, which is slower"),
    "_flatten_layers": ("finds the layers inside a layer", "models on PyTorch run through Keras' own calls, slower"),
    "_remat_mode": ("tells layers that compute twice", "models on PyTorch run through Keras' own calls, slower"),
    "_call_context_args": ("tells which arguments a layer hands on", "models on PyTorch run through Keras' own calls"),
    "AutocastScope": ("casts variables as Keras' calls do", "models on PyTorch run through Keras' own calls, slower"),
    "_parallel_update_step": ("updates all variables at once on PyTorch", "variables are updated one by one, slower"),
    "_use_weight_decay": ("tells which variables decay", "they are recognized by their paths"),
    "_get_variable_index": ("tells which variable is updated", "variables are recognized by their paths"),
    "_should_use_adamw": ("asks which variables Muon leaves to AdamW", "Muon trains what Keras' own does"),
    "global_seed_generator": ("holds the seed of draws without one", "a resumed run draws other numbers for those"),
    "get_global_attribute": ("tells whether there is such a seed", "a resumed run draws other numbers for those"),
    "_value": (
        "tells whether a variable has lost its value on JAX, and holds it on TensorFlow",
        "a step that fails may leave a model without; no several devices on TensorFlow",
    ),
    "_use_merge_call": ("lets optimizers on TensorFlow run outside of replicas", "no several devices on TensorFlow"),
    "DataAdapter": ("is what `fit` takes for batches in parts", "no several devices on TensorFlow"),
    "_tracker": (
        "forgets the random numbers of a run with StochasticDepth",
        "a network that had one is taken for another when a run is to go on",
    ),
    "_jax_state_synced": (
        "holds a model's values during a step on JAX",
        "a step that fails may leave a model without values",
    ),
}
gone: set[str] = set()  # names to treat as missing, for tests


class Gone(Exception):
    """Keras no longer has a name."""


def attribute(owner: Any, name: str) -> Any:
    if name in gone or not hasattr(owner, name):
        raise Gone(name)
    return getattr(owner, name)


@functools.cache
def _say(name: str) -> None:
    warnings.warn(f"Keras {keras.__version__} has no {name}: {NAMES[name][1]}.", stacklevel=4)


def otherwise(public: Callable) -> Callable:
    """Decorates a function that uses private names: where one is gone, `public` is called with the same arguments."""

    def decorate(private: Callable) -> Callable:
        @functools.wraps(private)
        def call(*arguments: Any) -> Any:
            try:
                return private(*arguments)
            except Gone as error:
                _say(str(error))
                return public(*arguments)

        return call

    return decorate
