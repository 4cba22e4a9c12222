"""Every use of Keras' private names: what each is for, and what is done without it.

Tested with Keras 3.15.1. A missing name costs speed or a line of a report, never the run: a public way is taken, and a
warning says so, once.
"""

import functools
import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

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
    "global_seed_generator": ("holds the seed of draws without one", "a resumed run draws other numbers for those"),
    "get_global_attribute": ("tells whether there is such a seed", "a resumed run draws other numbers for those"),
    "_value": ("tells whether a variable has lost its value on JAX", "a step that fails may leave a model without"),
    "_jax_state_synced": (
        "holds a model's values during a step on JAX",
        "a step that fails may leave a model without values",
    ),
}
gone: set[str] = set()  # names to treat as missing, for tests


class Gone(Exception):
    """Keras no longer has a name."""


def _attribute(owner: Any, name: str) -> Any:
    if name in gone or not hasattr(owner, name):
        raise Gone(name)
    return getattr(owner, name)


@functools.cache
def _say(name: str) -> None:
    warnings.warn(f"Keras {keras.__version__} has no {name}: {NAMES[name][1]}.", stacklevel=4)


def _or(public: Callable) -> Callable:
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


class Node(NamedTuple):
    """One call of an operation in the graph of a model.

    Attributes:
        operation: The layer, nested model or operation; an `InputLayer` has no inputs.
        inputs: Keys of the tensors that it takes; one tensor of a model always has the same key.
        outputs: Keys of the tensors that it makes.
        args: Its positional arguments, with `KerasTensor`s; None if unknown.
        kwargs: Its keyword arguments, likewise.
    """

    operation: Any
    inputs: tuple
    outputs: tuple
    args: Any = None
    kwargs: Any = None


class Graph(NamedTuple):
    """The nodes of a functional model in the order of the computation, and the keys of its inputs and outputs."""

    nodes: list[Node]
    inputs: tuple
    outputs: tuple


def _graph_from_config(model: Any) -> Graph:
    config = model.get_config()

    def keys(value: Any) -> Iterator[tuple]:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                yield tuple(value["config"]["keras_history"])
                return
            value = list(value.values())
        if isinstance(value, list | tuple):
            for part in value:
                yield from keys(part)

    calls = {
        (layer["name"], index): tuple(keys(node))
        for layer in config["layers"]
        for index, node in enumerate(layer["inbound_nodes"] or [{}])
    }
    places = [tuple(place) for side in ("input_layers", "output_layers") for place in _places(config[side])]
    inputs, outputs = places[: len(model.inputs)], places[len(model.inputs) :]
    read = {key for call in calls.values() for key in call} | set(outputs)
    operations = {operation.name: operation for operation in model.operations}
    nodes, known = [], set()
    while calls:  # in the order of the computation
        ready = [call for call, needs in calls.items() if all(key[:2] in known for key in needs)]
        for name, index in ready:
            made = sorted({key for key in read if key[:2] == (name, index)} | {(name, index, 0)})
            nodes.append(Node(operations[name], calls.pop((name, index)), tuple(made)))
            known.add((name, index))
    return Graph(nodes, tuple(inputs), tuple(outputs))


def _places(config: Any) -> list:
    """Returns `[[name, node, tensor], ...]`: the config of a single tensor lacks the outer list."""
    return [config] if config and isinstance(config[0], str) else config


@_or(_graph_from_config)
def graph(model: Any) -> Graph:
    """Returns the graph of a functional model, not of those nested in it."""

    def key(tensor: Any) -> tuple:
        history = _attribute(tensor, "_keras_history")
        return id(history.operation), history.node_index, history.tensor_index

    by_depth = _attribute(model, "_nodes_by_depth")
    nodes = [
        Node(
            node.operation,
            tuple(map(key, node.input_tensors)),
            tuple(map(key, node.outputs)),
            node.arguments.args,
            node.arguments.kwargs,
        )
        for depth in sorted(by_depth, reverse=True)
        for node in by_depth[depth]
    ]
    return Graph(nodes, tuple(map(key, model.inputs)), tuple(map(key, model.outputs)))


def tensor_key(tensor: Any) -> tuple:
    """Returns the key of a tensor among the arguments of a `Node`."""
    history = tensor._keras_history
    return id(history.operation), history.node_index, history.tensor_index


@_or(lambda layer: False)
def only_calls(layer: Any) -> bool:
    """Tells whether `Layer.__call__` of a built Keras layer does nothing for it but cast and call `call`."""
    return (
        type(layer).__call__ is keras.Layer.__call__
        and not list(_attribute(layer, "_flatten_layers")(include_self=False))
        and layer.built
        and layer.activity_regularizer is None
        and layer.quantization_mode is None
        and not _attribute(layer, "_remat_mode")
        and set(_attribute(layer, "_call_context_args")) == {"training"}
    )


@_or(lambda operation: False)
def only_calls_operation(operation: Any) -> bool:
    """Tells the same of an operation that is not a layer."""
    return type(operation).__call__ is keras.Operation.__call__ and not _attribute(operation, "_remat_mode")


@_or(lambda model: None)
def all_layers(model: Any) -> list | None:
    """Returns `model` and all layers in it, or None."""
    return list(_attribute(model, "_flatten_layers")())


@_or(lambda dtype: None)
def autocast_scope(dtype: str) -> Any:
    """Returns the context in which Keras casts variables to `dtype`, or None."""
    return _attribute(importlib.import_module("keras.src.backend"), "AutocastScope")(dtype)


@_or(lambda optimizer: optimizer)
def parallel(optimizer: Any) -> Any:
    """Returns the class that Keras puts in place of an optimizer class on PyTorch, or the class itself elsewhere."""
    found = type(optimizer.__new__(optimizer))
    if found is not optimizer:
        _attribute(found, "_parallel_update_step")
    return found


def _path(variable: Any) -> str:
    return getattr(variable, "path", None) or variable.name.partition(":")[0].partition("/replica_")[0]


def _decays_by_path(optimizer: Any, variable: Any) -> bool:
    return _path(variable) not in getattr(optimizer, "excluded_paths", ())


@_or(_decays_by_path)
def uses_weight_decay(optimizer: Any, variable: Any) -> bool:
    """Tells whether an optimizer's weight decay applies to a variable, a Keras or a TensorFlow one."""
    return _attribute(optimizer, "_use_weight_decay")(variable)


def _index_by_path(optimizer: Any, variable: Any) -> int:
    return optimizer.trained_paths.index(_path(variable))


@_or(_index_by_path)
def variable_index(optimizer: Any, variable: Any) -> int:
    """Returns the place of a variable, a Keras or a TensorFlow one, among those that an optimizer was built with.

    Args:
        optimizer: An optimizer that keeps their paths as `trained_paths`.
        variable: The variable.
    """
    return _attribute(optimizer, "_get_variable_index")(variable)


@_or(lambda make=False: None)
def global_seed(make: bool = False) -> Any:
    """Returns the variable behind draws without a seed; None if there is none yet, and none is to be made."""
    known = _attribute(importlib.import_module("keras.src.backend.common.global_state"), "get_global_attribute")
    if not make and known("global_seed_generator") is None:
        return None
    return _attribute(importlib.import_module("keras.src.random.seed_generator"), "global_seed_generator")().state


@_or(lambda model, state: None)
def hold_jax_state(model: Any, state: Any) -> None:
    """Lets `jax_state_sync` put values, by kinds such as `trainable_variables`, back into the variables of a model."""
    model._jax_state, model._jax_state_synced = state, _attribute(model, "_jax_state_synced") and False


@_or(lambda variables: False)
def without_values(variables: Any) -> bool:
    """Tells whether some of the variables have lost their values on JAX: taken away by a step, or given to it."""
    values = (_attribute(variable, "_value") for variable in variables)
    return any(value is None or getattr(value, "is_deleted", bool)() for value in values)
