"""BatchNormalization by the backend's own kernel, where Keras builds it from elementwise operations.

On TensorFlow and PyTorch, Keras computes moments, subtracts, scales and shifts as operations of their own, each a pass
over the activations; the backends have one kernel for all of it, forward and backward. On JAX the compiler fuses Keras'
layer already, and it stays.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.models.graph import change_class


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
    return y, mean.detach(), deviation.detach().pow(-2).sub(layer.epsilon)  # the kernel keeps the inverse deviation


_KERNELS = {"tensorflow": _tensorflow, "torch": _torch}


def _scale_and_shift(layer: Any) -> tuple[Any, Any]:
    shape = layer.moving_mean.shape
    gamma = ops.convert_to_tensor(layer.gamma) if layer.scale else ops.ones(shape)
    beta = ops.convert_to_tensor(layer.beta) if layer.center else ops.zeros(shape)
    return gamma, beta


@keras.saving.register_keras_serializable("kerastricks")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' `BatchNormalization` with the same weights and results, computed by the backend's fused kernel.

    Where there is none (JAX), or the kernel does not apply (images of another rank, channels first, masks,
    renormalization, statistics across devices), it is Keras' own layer.

    Args: as `keras.layers.BatchNormalization`.
    """

    def call(self, inputs, training=None, mask=None):
        kernel = _KERNELS.get(keras.backend.backend())
        if kernel is None or mask is not None or not fits(self, inputs):
            return super().call(inputs, training=training, mask=mask)
        training = bool(training) and self.trainable
        outputs, mean, variance = kernel(inputs, self, training)
        if training:
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                known = ops.convert_to_tensor(moving)
                moving.assign(known * self.momentum + batch * (1.0 - self.momentum))
        return ops.cast(outputs, self.compute_dtype)


def fits(layer: Any, inputs: Any) -> bool:
    """Tells whether the fused kernel can do what `layer` asks for."""
    return (
        len(inputs.shape) == 4
        and layer.axis in (-1, 3)
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
    )


def fuse_batch_normalization(model: Any) -> list:
    """Lets every BatchNormalization of a functional or Sequential model use the fused kernel, in place.

    The layers keep their names, weights and settings; only their class changes. Compile the model afterwards.

    Args:
        model: The model; nested ones are searched too.

    Returns:
        The layers that were changed: none on a backend whose stock layer is the best.
    """
    if keras.backend.backend() not in _KERNELS:
        return []
    stock = keras.layers.BatchNormalization
    return change_class(model, stock, FusedBatchNormalization, lambda layer: fits(layer, layer.input))
