"""The BatchNormalization layers of a model, and how each is called."""

import dataclasses
from typing import Any

import numpy as np
from keras import layers, ops

from kerastricks.models.graph import Graph, has_graph


@dataclasses.dataclass
class Norm:
    """A BatchNormalization in the graph of a model.

    Attributes:
        layer: The layer.
        inference: Whether it, or a model around it, is called with `training=False`.
        takes: The operations whose outputs it normalizes, one for each of its calls.
        feeds: The nearest operation with weights before it, or None.
    """

    layer: Any
    inference: bool
    takes: list[Any]
    feeds: Any

    @property
    def learns(self) -> bool:
        """Whether its moving statistics follow the batches of a training."""
        return self.layer.trainable and not self.inference

    @property
    def initial(self) -> bool:
        """Whether its moving statistics are those that it began with: means 0, variances 1."""
        mean, variance = (ops.convert_to_numpy(v) for v in (self.layer.moving_mean, self.layer.moving_variance))
        return bool(np.all(mean == 0) and np.all(variance == 1))


def norms(model: Any) -> list[Norm]:
    """Returns the BatchNormalization layers of a model with a graph, and of those nested in it."""
    found: dict[int, Norm] = {}
    _walk(model, False, found, set())
    return list(found.values())


def _walk(model: Any, inference: bool, found: dict[int, Norm], seen: set[int]) -> None:
    if not has_graph(model) or id(model) in seen:
        return
    seen.add(id(model))
    graph = Graph(model)
    for node in graph.nodes:
        off = inference or (node.kwargs or {}).get("training") is False
        if has_graph(node.operation):
            _walk(node.operation, off, found, seen)
        elif isinstance(node.operation, layers.BatchNormalization):
            maker = graph.producer(node.inputs[0]).operation
            norm = found.setdefault(id(node.operation), Norm(node.operation, off, [], _feeds(graph, node.inputs[0])))
            norm.takes.append(maker)


def _feeds(graph: Graph, tensor: Any) -> Any:
    """Returns the nearest operation with weights that `tensor` was computed by, or None."""
    for key in graph.ancestors(tensor):
        operation = graph.producer(key).operation
        if getattr(operation, "weights", None):
            return operation
    return None
