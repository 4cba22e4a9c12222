"""Finds layers by their position in the graph of any functional or Sequential model, nested ones too."""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
from keras import layers

from kerastricks import keras_private

# Layers that map zeros to zeros: activations, and those that only drop, pool or move values.
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


def functional(model: Any) -> Any:
    """Returns a model with a graph as a functional model of the same layers."""
    return keras.Model(model.inputs, model.outputs) if isinstance(model, keras.Sequential) else model


class Graph:
    """The graph of a functional or Sequential model; a nested model counts as one operation.

    Tensors are identified by keys. `model` is the model, as a functional one.
    """

    def __init__(self, model: Any):
        self.model = functional(model)
        self.nodes, self.inputs, self.outputs = keras_private.graph(self.model)
        self._makers = {key: node for node in self.nodes for key in node.outputs}

    def producer(self, tensor: Any) -> keras_private.Node:
        """Returns the node that made a tensor."""
        return self._makers[tensor]

    def ancestors(self, tensor: Any) -> list:
        """Returns the tensors that `tensor` was computed from, itself included, nearest first."""
        found: dict[Any, None] = {}
        queue = deque([tensor])
        while queue:
            tensor = queue.popleft()
            if tensor not in found:
                found[tensor] = None
                queue.extend(self.producer(tensor).inputs)
        return list(found)


def graphs(model: Any) -> Iterator[Graph]:
    """Yields the graph of `model` and of every model nested in it, each once."""
    seen, queue = set(), [model]
    while queue:
        nested = queue.pop()
        if id(nested) in seen or not has_graph(nested):
            continue
        seen.add(id(nested))
        graph = Graph(nested)
        yield graph
        queue.extend(operation for operation in graph.model.operations if isinstance(operation, keras.Model))


def all_layers(model: Any) -> list:
    """Returns the layers of `model` and of every model nested in it, without the models themselves."""
    return [layer for graph in graphs(model) for layer in graph.model.layers if not isinstance(layer, keras.Model)]


def ending(model: Any) -> list:
    """Returns the operations that make the first output of `model`, from the last back to the first with weights.

    Inside nested models too. It is the layer that classifies, behind what follows it without weights, as `Softmax` or
    `Activation`. Where several tensors meet before there is one, it ends at the operation that joins them.
    """
    graph, found = Graph(model), []
    tensor = graph.outputs[0]
    while True:
        node = graph.producer(tensor)
        found += ending(node.operation) if has_graph(node.operation) else [node.operation]
        if getattr(found[-1], "weights", ()) or len(node.inputs) != 1:
            return found
        tensor = node.inputs[0]


def head(model: Any) -> Any:
    """Returns the layer that classifies, the last of `ending`."""
    return ending(model)[-1]


def keeps_zero(operation: Any) -> bool:
    """Tells whether `operation` maps zeros to zeros without weights of its own."""
    if isinstance(operation, layers.Activation):
        return getattr(operation.activation, "__name__", "") in _KEEPS_ZERO_ACTIVATIONS
    return isinstance(operation, _KEEPS_ZERO) or type(operation).__name__ in ("StochasticDepth", "DropPath")


def branch_end(graph: Graph, tensor: Any) -> Any:
    """Returns the BatchNormalization that scales the whole of `tensor`, or None if there is none."""
    node = graph.producer(tensor)
    operation = node.operation
    if isinstance(operation, layers.BatchNormalization):
        return operation
    if has_graph(operation):
        nested = Graph(operation)
        return branch_end(nested, nested.outputs[0])
    if type(operation).__name__ == "Multiply":
        return next((end for end in (branch_end(graph, one) for one in node.inputs) if end is not None), None)
    if keeps_zero(operation):
        return branch_end(graph, node.inputs[0])
    return None


def _kernels(graph: Graph, tensors: Any) -> int:
    """Counts the layers with a kernel (rank 2 and up) among the producers of `tensors`."""
    operations = {id(node.operation): node.operation for node in map(graph.producer, tensors)}
    return sum(
        sum(len(weight.shape) > 1 for weight in getattr(operation, "weights", ())) for operation in operations.values()
    )


class Branch(NamedTuple):
    """A residual branch: the graph it is in, the operation that adds it, and its place among what that adds, 0 or 1."""

    graph: Graph
    addition: Any
    place: int
    tensor: Any


def branches(model: Any) -> list[Branch]:
    """Returns the residual branches of `model` and of models nested in it, in the order of the computation.

    A residual block is an addition of two tensors from one fork: the shortcut has at most one kernel between the
    fork and the addition (none, or a projection), the branch has more.
    """
    found: dict[int, Branch] = {}
    graph = Graph(model)
    for node in graph.nodes:
        operation = node.operation
        if has_graph(operation):
            found |= {id(branch.addition): branch for branch in branches(operation)}
        if type(operation).__name__ != "Add" or len(node.inputs) != 2:  # the layer, or what `+` makes
            continue
        left, right = (graph.ancestors(tensor) for tensor in node.inputs)
        sides = []
        for place, (own, other) in enumerate(((left, right), (right, left))):
            beyond = set(other)
            sides.append((_kernels(graph, [key for key in own if key not in beyond]), place))
        (few, _), (many, place) = sorted(sides)
        if few <= 1 and many > few and set(left) & set(right):
            found[id(operation)] = Branch(graph, operation, place, node.inputs[place])
    return list(found.values())


def added_twice(model: Any) -> str | None:
    """Returns the name of an operation of `model` that adds two tensors more than once, or None."""
    names = [id(node.operation) for graph in graphs(model) for node in graph.nodes if len(node.inputs) == 2]
    for graph in graphs(model):
        for node in graph.nodes:
            if type(node.operation).__name__ == "Add" and names.count(id(node.operation)) > 1:
                return str(node.operation.name)
    return None


class Residual(NamedTuple):
    """A residual branch: the graph it is in, the tensor that it adds, and the normalization that scales it."""

    graph: Graph
    branch: Any
    norm: Any


def residuals(model: Any) -> list[Residual]:
    """Returns the residual branches of `model` that end in a BatchNormalization.

    Layers between the normalization and the addition may drop, pool, activate or gate, as long as they map zeros to
    zeros.
    """
    found: dict[int, Residual] = {}
    for graph, _, _, tensor in branches(model):
        norm = branch_end(graph, tensor)
        if norm is not None:
            found.setdefault(id(norm), Residual(graph, tensor, norm))
    return list(found.values())
