"""Every use of Keras' private names: what each is for, and what is done without it.

Tested with Keras 3.15.1. A missing name costs speed or a line of a report, never the run: a public way is taken, and a
warning says so, once.
"""

import importlib
from typing import Any

import keras

from kerastricks.keras_private.names import NAMES as NAMES
from kerastricks.keras_private.names import Gone as Gone
from kerastricks.keras_private.names import attribute, otherwise
from kerastricks.keras_private.names import gone as gone
from kerastricks.keras_private.nodes import Graph as Graph
from kerastricks.keras_private.nodes import Node as Node
from kerastricks.keras_private.nodes import graph as graph
from kerastricks.keras_private.nodes import tensor_key as tensor_key


@otherwise(lambda layer: False)
def only_calls(layer: Any) -> bool:
    """Tells whether `Layer.__call__` of a built Keras layer does nothing for it but cast and call `call`."""
    return (
        type(layer).__call__ is keras.Layer.__call__
        and not list(attribute(layer, "_flatten_layers")(include_self=False))
        and layer.built
        and layer.activity_regularizer is None
        and layer.quantization_mode is None
        and not attribute(layer, "_remat_mode")
        and set(attribute(layer, "_call_context_args")) == {"training"}
    )


@otherwise(lambda operation: False)
def only_calls_operation(operation: Any) -> bool:
    """Tells the same of an operation that is not a layer."""
    return type(operation).__call__ is keras.Operation.__call__ and not attribute(operation, "_remat_mode")


@otherwise(lambda model: None)
def all_layers(model: Any) -> list | None:
    """Returns `model` and all layers in it, or None."""
    return list(attribute(model, "_flatten_layers")())


@otherwise(lambda dtype: None)
def autocast_scope(dtype: str) -> Any:
    """Returns the context in which Keras casts variables to `dtype`, or None."""
    return attribute(importlib.import_module("keras.src.backend"), "AutocastScope")(dtype)


@otherwise(lambda optimizer: optimizer)
def parallel(optimizer: Any) -> Any:
    """Returns the class that Keras puts in place of an optimizer class on PyTorch, or the class itself elsewhere."""
    found = type(optimizer.__new__(optimizer))
    if found is not optimizer:
        attribute(found, "_parallel_update_step")
    return found


def _path(variable: Any) -> str:
    return getattr(variable, "path", None) or variable.name.partition(":")[0].partition("/replica_")[0]


def _decays_by_path(optimizer: Any, variable: Any) -> bool:
    return _path(variable) not in getattr(optimizer, "excluded_paths", ())


@otherwise(_decays_by_path)
def uses_weight_decay(optimizer: Any, variable: Any) -> bool:
    """Tells whether an optimizer's weight decay applies to a variable, a Keras or a TensorFlow one."""
    return attribute(optimizer, "_use_weight_decay")(variable)


def _index_by_path(optimizer: Any, variable: Any) -> int:
    return optimizer.trained_paths.index(_path(variable))


@otherwise(_index_by_path)
def variable_index(optimizer: Any, variable: Any) -> int:
    """Returns the place of a variable, a Keras or a TensorFlow one, among those that an optimizer was built with.

    Args:
        optimizer: An optimizer that keeps their paths as `trained_paths`.
        variable: The variable.
    """
    return attribute(optimizer, "_get_variable_index")(variable)


@otherwise(lambda: None)
def muon_asks_for_adamw() -> None:
    """Warns where Keras' Muon does not ask a method which variables it is to leave to AdamW."""
    attribute(keras.optimizers.Muon, "_should_use_adamw")


@otherwise(lambda make=False: None)
def global_seed(make: bool = False) -> Any:
    """Returns the variable behind draws without a seed; None if there is none yet, and none is to be made."""
    known = attribute(importlib.import_module("keras.src.backend.common.global_state"), "get_global_attribute")
    if not make and known("global_seed_generator") is None:
        return None
    return attribute(importlib.import_module("keras.src.random.seed_generator"), "global_seed_generator")().state


@otherwise(lambda model, state: None)
def hold_jax_state(model: Any, state: Any) -> None:
    """Lets `jax_state_sync` put values, by kinds such as `trainable_variables`, back into the variables of a model."""
    model._jax_state, model._jax_state_synced = state, attribute(model, "_jax_state_synced") and False


@otherwise(lambda operation, told: None)
def tell_training(operation: Any, told: bool) -> None:
    """Lets functional models hand `training` on to an operation that is no layer, or lets them no longer."""
    attribute(keras.layers.Identity(), "_call_context_args")
    if told:
        operation._call_context_args = {"training"}
    else:
        vars(operation).pop("_call_context_args", None)


@otherwise(lambda layer, value: None)
def untrack(layer: Any, value: Any) -> None:
    """Lets a layer forget a variable or generator that was set as its attribute."""
    attribute(layer, "_tracker").untrack(value)


@otherwise(lambda variables: False)
def without_values(variables: Any) -> bool:
    """Tells whether some of the variables have lost their values on JAX: taken away by a step, or given to it."""
    values = (attribute(variable, "_value") for variable in variables)
    return any(value is None or getattr(value, "is_deleted", bool)() for value in values)
