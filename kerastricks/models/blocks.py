"""The blocks of a network, from the images to the last layer, found in its graph."""

from typing import Any

from kerastricks.models.graph import Graph, all_layers, has_graph

_JOINS = ("Add", "Concatenate")


def blocks(model: Any) -> list[list[Any]]:
    """Returns the layers with weights of a functional or Sequential model in blocks, in the order of the computation.

    All that lies between two tensors through which everything passes, and forks in between to be added or concatenated,
    is a block, as a residual branch with its shortcut. The layers between two of those are one block too; where nothing
    forks, each layer with a kernel begins one. The last layer with a kernel is a block by itself.
    """
    segments = [(joins, layers) for joins, layers in _segments(model) if layers]
    forks = any(joins for joins, _ in segments)
    found: list[list[Any]] = []
    chained = False
    for joins, layers in segments:
        if joins or not chained or (not forks and _has_kernel(layers)):
            found.append([])
        found[-1] += [layer for layer in layers if layer not in found[-1]]
        chained = not joins
    return _with_head(found)


def _with_head(found: list[list[Any]]) -> list[list[Any]]:
    """Splits the last layer with a kernel, and what follows it, off the last block."""
    *others, last = found
    at = max((index for index, layer in enumerate(last) if _has_kernel([layer])), default=0)
    return [*others, last[:at], last[at:]] if at else found


def _has_kernel(layers: list[Any]) -> bool:
    return any(len(weight.shape) > 1 for layer in layers for weight in layer.weights)


def _segments(model: Any) -> list[tuple[bool, list[Any]]]:
    """Returns the layers with weights up to each tensor that all paths pass, and whether a fork is joined on the way.

    A model nested between two such tensors gives its own.
    """
    graph = Graph(model)
    made = {key: at for at, node in enumerate(graph.nodes) for key in node.outputs}
    last_use = list(range(len(graph.nodes)))
    for at, node in enumerate(graph.nodes):
        for key in node.inputs:
            last_use[made[key]] = at
    found: list[tuple[bool, list[Any]]] = []
    begin = reach = 0
    for at, node in enumerate(graph.nodes):
        if at and reach > at:  # a tensor from before is used behind this node
            reach = max(reach, last_use[at])
            continue
        reach = last_use[at]
        inside, begin = graph.nodes[begin : at + 1], at + 1
        if len(inside) == 1 and has_graph(node.operation):
            found += _segments(node.operation)
            continue
        joins = any(type(one.operation).__name__ in _JOINS for one in inside)
        found.append((joins, [layer for one in inside for layer in _weighted(one.operation)]))
    return found


def _weighted(operation: Any) -> list[Any]:
    """Returns the layers with weights of an operation, of a model nested there all of them."""
    inside = all_layers(operation) if has_graph(operation) else [operation]
    return [layer for layer in inside if getattr(layer, "weights", ())]
