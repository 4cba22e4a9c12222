"""BatchNormalization whose moments are those of parts of a batch, as of the rows of each of several devices."""

from typing import Any

import keras
from keras import ops


def part_moments(x: Any, parts: int) -> tuple[Any, Any]:
    """Returns the mean and variance of each channel over each of `parts` equal parts of a batch.

    Args:
        x: (N, ..., C); `parts` divides N.
        parts: How many.

    Returns:
        Two tensors, (parts, C).
    """
    grouped = ops.reshape(x, (parts, -1, x.shape[-1]))
    return ops.mean(grouped, axis=1), ops.var(grouped, axis=1)


def part_batch_normalization(layer: Any, parts: int) -> None:
    """Lets a BatchNormalization layer take the moments of each part of a batch, in place; `layer.call` is replaced.

    Its moving statistics follow the mean over the parts. A batch that does not divide by `parts` is taken whole.
    """

    def call(inputs, training=None, mask=None):
        whole = mask is not None or inputs.shape[0] is None or inputs.shape[0] % parts
        if not training or not layer.trainable or whole:
            return type(layer).call(layer, inputs, training=training, mask=mask)
        x = ops.cast(inputs, "float32")
        mean, variance = part_moments(x, parts)
        grouped = ops.reshape(x, (parts, -1, x.shape[-1]))
        y = (grouped - mean[:, None]) * ops.rsqrt(variance[:, None] + layer.epsilon)
        y = y * ops.convert_to_tensor(layer.gamma) if layer.scale else y
        y = y + ops.convert_to_tensor(layer.beta) if layer.center else y
        for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            known = ops.convert_to_tensor(moving)
            moving.assign(layer.momentum * known + (1 - layer.momentum) * ops.mean(batch, axis=0))
        return ops.cast(ops.reshape(y, ops.shape(inputs)), layer.compute_dtype)

    layer.call = call


def normalizing(layers: Any) -> list:
    """Returns the layers whose moments can be those of parts: BatchNormalization of images, channels last."""
    return [
        layer
        for layer in layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.axis in (-1, 3) and "call" not in vars(layer)
    ]
