"""The precision in which a model computes, and what the device at hand computes fast."""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from kerastricks.models.graph import graphs, last_operation

# Layers that scale raw pixels: cheap, and better done before the precision is lost.
_PIXELS = (layers.Rescaling, layers.Normalization)


def computes_bfloat16_fast() -> bool:
    """Tells whether the device that Keras runs on has bfloat16 arithmetic of its own."""
    accelerator = _accelerator()
    if accelerator is not None:
        return accelerator
    information = Path("/proc/cpuinfo")
    flags = information.read_text() if information.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def accelerator_name() -> str | None:
    """Returns the name of the first GPU or TPU that Keras runs on, or None."""
    if not has_accelerator():
        return None
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name()
    if backend == "jax":
        import jax

        return jax.devices()[0].device_kind
    import tensorflow as tf

    device = tf.config.list_physical_devices("GPU")[0]
    return tf.config.experimental.get_device_details(device).get("device_name", device.name)


def has_accelerator() -> bool:
    """Tells whether Keras runs on a GPU or TPU."""
    return _accelerator() is not None


def _accelerator() -> bool | None:
    """Returns whether the accelerator in use is fast in bfloat16, or None where there is none."""
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        return torch.cuda.get_device_capability() >= (8, 0) if torch.cuda.is_available() else None
    if backend == "jax":
        import jax

        return None if jax.default_backend() == "cpu" else True
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return None
    return tf.config.experimental.get_device_details(devices[0]).get("compute_capability", (0, 0)) >= (8, 0)


def set_precision(model: Any, policy: str) -> list:
    """Lets the layers of a functional or Sequential model compute under a Keras dtype policy, in place.

    Weights stay as they are (`mixed_bfloat16` keeps them in float32), and so do the layers that scale pixels and the
    one that makes the output: logits, and with them the loss, are float32.

    Args:
        model: The model; nested ones are searched too.
        policy: Name of a Keras dtype policy, as `mixed_bfloat16`.

    Returns:
        The layers that were changed.
    """
    last = last_operation(model)
    changed = []
    for graph in graphs(model):
        for layer in graph.layers:
            passes = isinstance(layer, (layers.InputLayer, keras.Model, *_PIXELS)) or layer is last
            if not passes and layer.dtype_policy.name == "float32":
                layer.dtype_policy = policy
                changed.append(layer)
    return changed
