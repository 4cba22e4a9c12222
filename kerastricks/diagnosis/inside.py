"""The values inside a network on some images, nested models included; nothing of the network is changed."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from kerastricks import keras_private
from kerastricks.models.graph import Graph, all_layers, has_graph
from kerastricks.training.sweep import generators_kept

BATCH = 16
_NORMS = (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization)


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """Keeps the generators of random numbers as they are, and PyTorch from noting what it computes."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(generators_kept())
        if keras.backend.backend() == "torch":
            import torch

            stack.enter_context(torch.no_grad())
        yield


def outputs(model: Any, images: np.ndarray, training: bool = False) -> np.ndarray:
    """Returns the first output of a model for images, float32; its variables stay as they are.

    Args:
        model: A built model.
        images: (N, H, W, C).
        training: Whether it is called as in training: all images in one batch then.
    """
    sides = [
        [variable.value for variable in side] for side in (model.trainable_variables, model.non_trainable_variables)
    ]
    size = len(images) if training else BATCH
    takes = inspect.signature(model.call).parameters
    told = {"training": training} if "training" in takes or "kwargs" in takes else {}

    def call(some: np.ndarray) -> np.ndarray:
        found, _ = model.stateless_call(*sides, ops.convert_to_tensor(some), **told)
        return _array(found)

    return _in_batches(call, images, size)


def _array(value: Any) -> np.ndarray:
    if isinstance(value, dict):
        value = [*value.values()]
    value = value[0] if isinstance(value, list | tuple) else value
    return np.asarray(ops.convert_to_numpy(ops.cast(value, "float32")))


def _in_batches(call: Callable, images: np.ndarray, size: int = BATCH) -> np.ndarray:
    return np.concatenate([call(images[start : start + size]) for start in range(0, len(images), size)])


def tensors(graph: Graph) -> dict[Any, Any]:
    """Returns the tensors of a graph that something takes, by their keys."""
    found: dict[Any, Any] = dict(zip(graph.outputs, graph.model.outputs, strict=True))
    for node in graph.nodes:
        for value in keras.tree.flatten([node.args, node.kwargs]):
            if isinstance(value, keras.KerasTensor):
                found[keras_private.tensor_key(value)] = value
    return found


def value(graph: Graph, tensor: Any, images: np.ndarray, reduce: Callable = lambda array: array) -> np.ndarray:
    """Returns a tensor of a graph for images, batch by batch reduced."""
    if tensor in graph.inputs:
        return reduce(images)
    part = keras.Model(graph.model.inputs, tensors(graph)[tensor])
    return _in_batches(lambda some: reduce(_array(part(ops.convert_to_tensor(some), training=False))), images)


def activations(model: Any, images: np.ndarray, wanted: Callable, reduce: Callable) -> Iterator[tuple[Any, np.ndarray]]:
    """Yields the operations of a model whose outputs are wanted, and these for images, batch by batch reduced.

    Args:
        model: A model with a graph.
        images: What it takes.
        wanted: Tells whether an operation is.
        reduce: From an array of a batch to a smaller one, whose first axis is concatenated.
    """
    graph = Graph(model)
    known = tensors(graph)
    asked = [node for node in graph.nodes if not has_graph(node.operation) and wanted(node.operation)]
    asked = [node for node in asked if node.outputs[0] in known and node.inputs]
    if asked:
        part = keras.Model(graph.model.inputs, [known[node.outputs[0]] for node in asked])
        found: list[list] = [[] for _ in asked]
        for start in range(0, len(images), BATCH):
            made = part(ops.convert_to_tensor(images[start : start + BATCH]), training=False)
            for side, array in zip(found, made if isinstance(made, list | tuple) else [made], strict=True):
                side.append(reduce(_array(array)))
        yield from ((node.operation, np.concatenate(side)) for node, side in zip(asked, found, strict=True))
    for node in graph.nodes:
        if has_graph(node.operation) and len(node.inputs) == 1 and any(map(wanted, all_layers(node.operation))):
            yield from activations(node.operation, value(graph, node.inputs[0], images), wanted, reduce)


class Entry(NamedTuple):
    """Where images meet the first kernel of a network.

    Attributes:
        layer: The layer of the kernel.
        images: What it takes, (N, ...).
        norm: The normalization that takes what it makes, or None.
        made: What it makes, reduced to the mean and the variance of each channel over all images, (2, C).
        normalized: Whether a normalization with statistics of its own comes before it.
    """

    layer: Any
    images: np.ndarray
    norm: Any
    made: np.ndarray
    normalized: bool


def entry(model: Any, images: np.ndarray, normalized: bool = False) -> Entry | None:
    """Returns the first kernel that images meet in a model with a graph, or None if there is none."""
    graph = Graph(model)
    for node in graph.nodes:
        operation = node.operation
        if has_graph(operation):
            if any(map(_has_kernel, all_layers(operation))):
                return entry(operation, value(graph, node.inputs[0], images), normalized)
        elif _has_kernel(operation):
            taken = value(graph, node.inputs[0], images)
            made = value(graph, node.outputs[0], images) if node.outputs[0] in tensors(graph) else taken
            axes = tuple(range(made.ndim - 1))
            statistics = np.stack([made.mean(axes), made.var(axes)])
            return Entry(operation, taken, _norm_after(graph, node), statistics, normalized)
        elif isinstance(operation, _NORMS):
            normalized = True
    return None


def _has_kernel(operation: Any) -> bool:
    if isinstance(operation, layers.Embedding) or not isinstance(operation, layers.Layer):
        return False
    return any(len(weight.shape) > 1 for weight in operation.weights)


def _norm_after(graph: Graph, node: Any) -> Any:
    """Returns the normalization that takes what a node makes, or None."""
    key = node.outputs[0]
    while True:
        after = [other.operation for other in graph.nodes if key in other.inputs]
        norm = next((operation for operation in after if isinstance(operation, _NORMS)), None)
        if norm is not None or len(after) != 1 or not isinstance(after[0], layers.ZeroPadding2D | layers.Reshape):
            return norm
        key = next(other.outputs[0] for other in graph.nodes if key in other.inputs)
