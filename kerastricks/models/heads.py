"""Tells logits from probabilities by the graph of a model, and picks the loss that fits."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from scipy import special

from kerastricks.models.graph import Graph, has_graph

# Layers that do not change the kind of the output: logits stay logits.
_PASSES = (
    *(layers.Reshape, layers.Flatten, layers.Dropout, layers.Identity, layers.Average),
    layers.GlobalAveragePooling2D,
)


def crossentropy(model: Any) -> Any:
    """Returns Keras' categorical cross-entropy for logits or for probabilities, whichever `model` ends in.

    Raises:
        ValueError: See `gives_logits`.
    """
    return keras.losses.CategoricalCrossentropy(from_logits=gives_logits(model))


def gives_logits(model: Any) -> bool:
    """Tells whether `model` ends in logits, or else in probabilities.

    Raises:
        ValueError: If the graph does not tell, or the model has several outputs.
    """
    if not has_graph(model):
        raise _ambiguous(model, "it is subclassed and has no graph to read")
    if len(model.outputs) != 1:
        raise _ambiguous(model, f"it has {len(model.outputs)} outputs")
    graph = Graph(model)
    tensor = graph.outputs[0]
    while True:
        operation, inputs, *_ = graph.producer(tensor)
        if has_graph(operation):
            graph = Graph(operation)
            tensor = graph.outputs[0]
            continue
        activation = getattr(getattr(operation, "activation", None), "__name__", None)
        if type(operation).__name__ == "Softmax" or activation == "softmax":
            return False
        if activation == "linear" and hasattr(operation, "kernel"):
            return True
        if not inputs or not (isinstance(operation, _PASSES) or activation == "linear"):
            shown = f" with activation '{activation}'" if activation else ""
            raise _ambiguous(model, f"it ends in {type(operation).__name__}{shown}")
        tensor = inputs[0]


def to_logits(outputs: Any, from_logits: bool) -> Any:
    """Returns logits unchanged, and for probabilities their logarithms, which are logits too."""
    if from_logits:
        return outputs
    return ops.log(ops.maximum(ops.cast(outputs, "float32"), keras.config.epsilon()))


def _ambiguous(model: Any, reason: str) -> ValueError:
    return ValueError(
        f"Cannot tell whether the model '{model.name}' gives logits or probabilities: {reason}. "
        "End it in a Dense layer without activation (logits) or with a softmax, "
        "or pass `loss=keras.losses.CategoricalCrossentropy(from_logits=...)`."
    )


def output_of(loss: Any) -> str:
    """Returns what a loss takes the outputs of a classifier for, as in `kerastricks.models.saved.Description`."""
    if not getattr(loss, "from_logits", False):
        return "probabilities"
    return "sigmoid" if isinstance(loss, keras.losses.BinaryCrossentropy) else "logits"


def probabilities(scores: np.ndarray, output: str) -> np.ndarray:
    """Returns the outputs of a classifier as probabilities.

    That is the softmax of logits; their sigmoid where each class was asked for on its own; or the outputs as they are.

    Args:
        scores: Outputs of the model, (N, K).
        output: `logits`, `sigmoid` or `probabilities`; see `output_of`.
    """
    scores = np.asarray(scores, "float32")
    if output == "sigmoid":
        return special.expit(scores)
    return special.softmax(scores, axis=-1) if output == "logits" else scores


def class_count(model: Any) -> int:
    """Returns the number of classes of a built classifier, or raises a `ValueError`."""
    if has_graph(model):
        shape = model.output_shape
    else:
        images = keras.KerasTensor(model.get_build_config()["input_shape"])
        shape = getattr(model.compute_output_spec(images), "shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2 or not isinstance(shape[-1], int) or shape[-1] < 2:
        raise ValueError(
            f"A classifier must give one row of at least two scores per image. Received: output shape {shape}"
        )
    return shape[-1]
