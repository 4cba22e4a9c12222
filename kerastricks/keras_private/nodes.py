"""The graph of a functional model, by its nodes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from kerastricks.keras_private.names import attribute, otherwise


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


@otherwise(_graph_from_config)
def graph(model: Any) -> Graph:
    """Returns the graph of a functional model, not of those nested in it."""

    def key(tensor: Any) -> tuple:
        history = attribute(tensor, "_keras_history")
        return id(history.operation), history.node_index, history.tensor_index

    by_depth = attribute(model, "_nodes_by_depth")
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
