"""Convolutions and maxima on PyTorch that read channels-last activations without copies.

Keras keeps images channels last, which PyTorch's kernels like best, but copies them to channels first and back around
every convolution, and to channels first before every pooling. On TensorFlow and JAX nothing is copied, and Keras'
layers stay.
"""

from typing import Any

import keras

from kerastricks.models.graph import all_layers

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def _convolve(layer: Any, inputs: Any, kernel: Any, groups: int) -> Any:
    """Returns the output of `layer` for `inputs` (N, H, W, C) with `kernel` (height, width, C / groups, filters)."""
    import torch
    from torch.nn import functional

    images = inputs.permute(0, 3, 1, 2)  # seen as NCHW; in memory this is PyTorch's channels-last layout
    # `_lay_out` keeps the kernel in that layout too, so this copies nothing.
    kernel = keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    padding = [0, 0]
    if layer.padding == "same":
        total = [
            max(0, (-(-size // stride) - 1) * stride + (reach - 1) * dilation + 1 - size)
            for size, reach, stride, dilation in zip(
                images.shape[2:], kernel.shape[2:], layer.strides, layer.dilation_rate, strict=True
            )
        ]
        padding = [pixels // 2 for pixels in total]
        if any(pixels % 2 for pixels in total):  # one more below and to the right, which `conv2d` cannot do itself
            (top, left), (height, width) = padding, total
            images = functional.pad(images, (left, width - left, top, height - top))
            padding = [0, 0]
    bias = keras.ops.convert_to_tensor(layer.bias) if layer.use_bias else None  # Keras adds it in a separate pass
    outputs = functional.conv2d(images, kernel, bias, layer.strides, padding, layer.dilation_rate, groups)
    outputs = outputs.permute(0, 2, 3, 1)
    return outputs if layer.activation is None else layer.activation(outputs)


def _lay_out(layer: Any) -> None:
    """Puts the kernel of a built layer into PyTorch's channels-last layout; its shape and values stay."""
    parameter = layer.kernel.value
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    order, back = ((2, 3, 0, 1), (2, 3, 0, 1)) if depthwise else ((3, 0, 1, 2), (1, 2, 3, 0))
    parameter.data = parameter.data.permute(order).contiguous().permute(back)


def copying(model: Any) -> list:
    """Returns the layers that `keep_channels_last` would change: none on TensorFlow and JAX."""
    if keras.backend.backend() != "torch":
        return []
    return [
        layer
        for layer in all_layers(model)
        if (type(layer) in _CONVOLUTIONS or (type(layer) is keras.layers.MaxPooling2D and layer.padding == "valid"))
        and "call" not in vars(layer)
        and layer.data_format == "channels_last"
    ]


def keep_channels_last(model: Any) -> list:
    """Makes the convolutions and maxima of a functional or Sequential model run without copies, in place.

    The layers stay what they are, with the same weights and results, and are saved as such: only how they are called
    changes. Compile the model afterwards.

    Args:
        model: The model; nested ones are searched too.

    Returns:
        The layers that were changed; see `copying`.
    """
    changed = copying(model)
    for layer in changed:
        if type(layer) in _CONVOLUTIONS:
            _lay_out(layer)
        layer.call = _without_copies(layer)
    return changed


def _without_copies(layer: Any) -> Any:
    """Returns the replacement for the `call` of a convolution or pooling."""

    def pool(inputs):
        from torch.nn import functional

        return functional.max_pool2d(inputs.permute(0, 3, 1, 2), layer.pool_size, layer.strides).permute(0, 2, 3, 1)

    def conv(inputs):
        return _convolve(layer, inputs, layer.kernel, layer.groups)

    def depthwise(inputs):
        height, width, channels, multiplier = layer.kernel.shape
        kernel = keras.ops.reshape(layer.kernel, (height, width, 1, channels * multiplier))
        return _convolve(layer, inputs, kernel, groups=channels)

    kinds = {keras.layers.DepthwiseConv2D: depthwise, keras.layers.MaxPooling2D: pool}
    return kinds.get(type(layer), conv)
