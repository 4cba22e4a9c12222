"""Finds layers by their place in the graph of any functional or Sequential model, nested ones too."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
from keras import layers

# Layers that give zero where they are given zero, or that only drop, pool or move values.
_KEEPS_ZERO = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.Identity,
    layers.ZeroPadding2D,
    layers.Cropping2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.ReLU,
    layers.LeakyReLU,
)
_KEEPS_ZERO_ACTIVATIONS = ("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh")


def has_graph(model: Any) -> bool:
    """Tells whether `model` is functional, or a Sequential that is built."""
    return isinstance(model, keras.Model) and hasattr(model, "inputs") and bool(getattr(model, "outputs", None))


def producer(tensor: Any) -> tuple[Any, tuple]:
    """Returns the operation that made `tensor`, a nested model counting as one, and its input tensors."""
    history = tensor._keras_history
    operation = history.operation
    if isinstance(operation, layers.InputLayer):
        return operation, ()
    return operation, tuple(operation._inbound_nodes[history.node_index].input_tensors)


def last_operation(model: Any) -> Any:
    """Returns the operation that makes the first output of `model`, inside nested models too."""
    operation, _ = producer(model.outputs[0])
    return last_operation(operation) if has_graph(operation) else operation


def graphs(model: Any) -> Iterator[Any]:
    """Yields `model` and every model nested in it, each once, as functional models."""
    seen, queue = set(), [model]
    while queue:
        graph = queue.pop()
        if id(graph) in seen or not has_graph(graph):
            continue
        seen.add(id(graph))
        if isinstance(graph, keras.Sequential):
            graph = keras.Model(graph.inputs, graph.outputs)
        yield graph
        queue.extend(operation for operation in graph.operations if isinstance(operation, keras.Model))


def change_class(model: Any, stock: type, better: type, fits: Callable[[Any], bool]) -> list:
    """Makes each layer of the class `stock` itself that `fits` one of its subclass `better`, in place; returns them."""
    found = [layer for graph in graphs(model) for layer in graph.layers if type(layer) is stock and fits(layer)]
    for layer in found:
        layer.__class__ = better
    return found


def ancestors(tensor: Any) -> dict[int, Any]:
    """Returns the tensors that `tensor` was made from, itself included, by id, nearest first."""
    found, queue = {}, deque([tensor])
    while queue:
        tensor = queue.popleft()
        if id(tensor) not in found:
            found[id(tensor)] = tensor
            queue.extend(producer(tensor)[1])
    return found


def keeps_zero(operation: Any) -> bool:
    """Tells whether `operation` maps zeros to zeros without weights of its own."""
    if isinstance(operation, layers.Activation):
        return getattr(operation.activation, "__name__", "") in _KEEPS_ZERO_ACTIVATIONS
    return isinstance(operation, _KEEPS_ZERO) or type(operation).__name__ in ("StochasticDepth", "DropPath")


def branch_end(tensor: Any) -> Any:
    """Returns the BatchNormalization that scales the whole of `tensor`, or None if there is none."""
    operation, inputs = producer(tensor)
    if isinstance(operation, layers.BatchNormalization):
        return operation
    if has_graph(operation):
        return branch_end(operation.outputs[0])
    if type(operation).__name__ == "Multiply":
        return next((end for end in map(branch_end, inputs) if end is not None), None)
    if keeps_zero(operation):
        return branch_end(inputs[0])
    return None


def _kernels(tensors: Any) -> int:
    """Counts the layers with a kernel (rank 2 and up) among the producers of `tensors`."""
    operations = {id(operation): operation for operation, _ in map(producer, tensors)}
    return sum(
        sum(len(weight.shape) > 1 for weight in getattr(operation, "trainable_weights", ()))
        for operation in operations.values()
    )


class Residual(NamedTuple):
    """A residual branch: the model it stands in, the tensor that it adds, and the normalization that scales it."""

    graph: Any
    branch: Any
    norm: Any


def residuals(model: Any) -> list[Residual]:
    """Returns the residual branches of `model` that end in a BatchNormalization.

    A residual block is an addition of two tensors from one fork: the shortcut has at most one kernel between the
    fork and the addition (none, or a projection), the branch has more. What stands between the normalization and
    the addition may drop, pool, activate or gate, as long as it keeps zero at zero.
    """
    found: dict[int, Residual] = {}
    for graph in graphs(model):
        for operation in graph.operations:
            if type(operation).__name__ != "Add":  # the layer, or the operation behind `+`
                continue
            for node in operation._inbound_nodes:
                if len(node.input_tensors) != 2:
                    continue
                left, right = (ancestors(tensor) for tensor in node.input_tensors)
                sides = []
                for tensor, own, other in zip(node.input_tensors, (left, right), (right, left), strict=True):
                    between = [value for key, value in own.items() if key not in other]
                    sides.append((_kernels(between), tensor))
                (few, _), (many, branch) = sorted(sides, key=lambda side: side[0])
                norm = branch_end(branch)
                if few <= 1 and many > few and norm is not None and left.keys() & right.keys():
                    found.setdefault(id(norm), Residual(graph, branch, norm))
    return list(found.values())
