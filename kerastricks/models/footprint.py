"""How much memory training a network takes, from its graph."""

import math
from typing import Any

from kerastricks.models.graph import all_layers, graphs, has_graph

_FLOAT = 4  # bytes


def training_bytes(model: Any, batch_size: int) -> int:
    """Returns about how many bytes a training step takes, or 0 for a model without a graph.

        batch_size * outputs of the layers with weights + 4 * weights

    Backward needs the outputs of the layers with weights; what lies between them is made in place or anew. Weights come
    with their gradients and the optimizer's two states. Layers below the first one that learns keep nothing.

    Args:
        model: A functional or Sequential model.
        batch_size: Images in a batch.
    """
    if not has_graph(model):
        return 0
    outputs, learns = 0, False
    for graph in graphs(model):
        for node in graph.nodes:
            weights = getattr(node.operation, "weights", ())
            learns = learns or bool(getattr(node.operation, "trainable_variables", ()))
            if weights and learns and not has_graph(node.operation):
                outputs += sum(math.prod(tensor.shape[1:]) for tensor in _outputs(node.operation))
    parameters = sum(math.prod(weight.shape) for layer in all_layers(model) for weight in layer.weights)
    return _FLOAT * (batch_size * outputs + 4 * parameters)


def _outputs(layer: Any) -> list[Any]:
    found = layer.output
    tensors = found if isinstance(found, list | tuple) else [found]
    return [tensor for tensor in tensors if None not in tensor.shape[1:]]


def largest_batch(model: Any, most: int, room: int) -> int:
    """Returns the largest batch, `most` halved until it fits into `room` bytes; 0 if not even one image does."""
    while most and training_bytes(model, most) > room:
        most //= 2
    return most
