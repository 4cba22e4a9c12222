"""The precision in which a model computes, and in which the device is fast."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
from keras import layers

from kerastricks.models.graph import all_layers, ending, has_graph

# Layers that scale raw pixels: cheap, and better done in full precision.
_PIXELS = (layers.Rescaling, layers.Normalization)


def computes_bfloat16_fast() -> bool:
    """Tells whether the device that Keras runs on has bfloat16 arithmetic in hardware."""
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


def slow_in_bfloat16(model: Any) -> bool:
    """Tells whether `model` holds convolutions for which bfloat16 is slower than float32 on this device.

    Those are the ones that convolve each channel by itself, on a processor, backwards: docs/performance.md.
    """
    kinds = (layers.DepthwiseConv2D, layers.SeparableConv2D)
    return not has_accelerator() and any(isinstance(layer, kinds) for layer in all_layers(model))


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


def lowerable(model: Any) -> list:
    """Returns the layers of a functional or Sequential model that `set_precision` would change.

    Layers that scale pixels are left out, the layer that classifies, and what follows it: logits, and with them the
    loss, stay in float32.
    """
    last = set(map(id, ending(model)))
    kept = (layers.InputLayer, *_PIXELS)
    return [
        layer
        for layer in all_layers(model)
        if not isinstance(layer, kept) and id(layer) not in last and layer.dtype_policy.name == "float32"
    ]


def set_precision(model: Any, policy: str) -> list:
    """Sets a Keras dtype policy on the layers of a functional or Sequential model, in place.

    Weights stay as they are: `mixed_bfloat16` keeps them in float32.

    Args:
        model: The model; nested ones are searched too.
        policy: Name of a Keras dtype policy, such as `mixed_bfloat16`.

    Returns:
        The layers that were changed; see `lowerable`.
    """
    changed = lowerable(model)
    for layer in changed:
        layer.dtype_policy = policy
    return changed


@contextlib.contextmanager
def float32(model: Any) -> Iterator[None]:
    """Puts layers of mixed precision into float32 within the context, for example to save the model."""
    mixed = [
        (layer, layer.dtype_policy)
        for layer in (all_layers(model) if has_graph(model) else ())
        if layer.dtype_policy.name.startswith("mixed_")
    ]
    try:
        for layer, _ in mixed:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in mixed:
            layer.dtype_policy = policy
