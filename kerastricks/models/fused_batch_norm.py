"""BatchNormalization by the backend's own kernel, where Keras builds it from elementwise operations.

On TensorFlow and PyTorch, Keras computes moments, subtracts, scales and shifts as separate operations, each a pass
over the activations; the backends have one kernel for all of it, forward and backward. On JAX the compiler fuses Keras'
layer already, and it stays.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.models.graph import all_layers


def _tensorflow(x, layer, training):
    import tensorflow as tf

    gamma, beta = _scale_and_shift(layer)
    if not training:
        moments = (ops.convert_to_tensor(layer.moving_mean), ops.convert_to_tensor(layer.moving_variance))
        y, _, _ = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, *moments, layer.epsilon, is_training=False)
        return y, None, None
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=layer.epsilon)
    # The kernel's variance is the unbiased one, Keras keeps the biased one.
    size = tf.cast(tf.size(x) / tf.shape(x)[-1], variance.dtype)
    return y, mean, variance * (size - 1) / size


def _torch(x, layer, training):
    import torch

    gamma, beta = _scale_and_shift(layer)
    mean, variance = layer.moving_mean.value.detach(), layer.moving_variance.value.detach()
    known = (None, None) if training else (mean, variance)
    # NHWC seen as NCHW is PyTorch's channels-last layout: nothing is copied.
    y, mean, deviation = torch.native_batch_norm(
        x.permute(0, 3, 1, 2), gamma, beta, *known, training, 0.0, layer.epsilon
    )
    y = y.permute(0, 2, 3, 1)
    if not training:
        return y, None, None
    return y, mean.detach(), deviation.detach().pow(-2).sub(layer.epsilon)  # the kernel returns 1 / deviation


_KERNELS = {"tensorflow": _tensorflow, "torch": _torch}


def _scale_and_shift(layer: Any) -> tuple[Any, Any]:
    shape = layer.moving_mean.shape
    gamma = ops.convert_to_tensor(layer.gamma) if layer.scale else ops.ones(shape)
    beta = ops.convert_to_tensor(layer.beta) if layer.center else ops.zeros(shape)
    return gamma, beta


def fusible(model: Any) -> list:
    """Returns the layers that `fuse_batch_normalization` would change: none on JAX, whose stock layer is best.

    The kernel takes images with channels last, and has no masks, renormalization or statistics across devices.
    """
    if keras.backend.backend() not in _KERNELS:
        return []
    return [
        layer
        for layer in all_layers(model)
        if type(layer) is keras.layers.BatchNormalization
        and "call" not in vars(layer)
        and len(layer.moving_mean.shape) == 1
        and isinstance(layer.input, keras.KerasTensor)
        and len(layer.input.shape) == 4
        and layer.axis in (-1, 3)
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
    ]


def fuse_batch_normalization(model: Any) -> list:
    """Makes every BatchNormalization of a functional or Sequential model use the backend's kernel, in place.

    The layers stay what they are, with the same weights and results, and are saved as such: only how they are called
    changes. Compile the model afterwards.

    Args:
        model: The model; nested ones are searched too.

    Returns:
        The layers that were changed; see `fusible`.
    """
    changed = fusible(model)
    for layer in changed:
        layer.call = _fused(layer)
    return changed


def _fused(layer: Any) -> Any:
    """Returns the replacement for the `call` of a BatchNormalization layer."""
    kernel = _KERNELS[keras.backend.backend()]

    def call(inputs, training=None, mask=None):
        if mask is not None:
            return type(layer).call(layer, inputs, training=training, mask=mask)
        training = bool(training) and layer.trainable
        outputs, mean, variance = kernel(inputs, layer, training)
        if training:
            for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
                known = ops.convert_to_tensor(moving)
                moving.assign(known * layer.momentum + batch * (1.0 - layer.momentum))
        return ops.cast(outputs, layer.compute_dtype)

    return call
