"""Convolutions on PyTorch that read the activations as they lie in memory.

Keras keeps images channels last, which PyTorch's kernels like best, but copies them to channels first and back around
every convolution. On TensorFlow and JAX nothing is copied, and Keras' layers stay.
"""

from typing import Any

import keras

from kerastricks.models.graph import change_class


def _convolve(layer: Any, inputs: Any, kernel: Any, groups: int) -> Any:
    """Returns what `layer` makes of `inputs` (N, H, W, C) with `kernel` (height, width, C / groups, filters)."""
    import torch
    from torch.nn import functional

    images = inputs.permute(0, 3, 1, 2)  # seen as NCHW; in memory this is PyTorch's channels-last layout
    # So is the kernel, as `_lay_out` keeps it, and this copies nothing.
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
        if any(pixels % 2 for pixels in total):  # one more below and to the right, which the kernel cannot do itself
            (top, left), (height, width) = padding, total
            images = functional.pad(images, (left, width - left, top, height - top))
            padding = [0, 0]
    bias = keras.ops.convert_to_tensor(layer.bias) if layer.use_bias else None  # Keras makes it a pass of its own
    outputs = functional.conv2d(images, kernel, bias, layer.strides, padding, layer.dilation_rate, groups)
    outputs = outputs.permute(0, 2, 3, 1)
    return outputs if layer.activation is None else layer.activation(outputs)


def _lay_out(layer: Any) -> None:
    """Keeps the kernel of a built layer in memory as PyTorch's convolutions read it; its shape and values stay."""
    if _applies(layer):
        parameter = layer.kernel.value
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        order, back = ((2, 3, 0, 1), (2, 3, 0, 1)) if depthwise else ((3, 0, 1, 2), (1, 2, 3, 0))
        parameter.data = parameter.data.permute(order).contiguous().permute(back)


def _applies(layer: Any) -> bool:
    return keras.backend.backend() == "torch" and layer.data_format == "channels_last"


@keras.saving.register_keras_serializable("kerastricks")
class ChannelsLastConv2D(keras.layers.Conv2D):
    """Keras' `Conv2D` with the same weights and results, without copies on PyTorch; elsewhere it is Keras' own.

    Args: as `keras.layers.Conv2D`.
    """

    def build(self, input_shape):
        super().build(input_shape)
        _lay_out(self)

    def call(self, inputs):
        if not _applies(self):
            return super().call(inputs)
        return _convolve(self, inputs, self.kernel, self.groups)


@keras.saving.register_keras_serializable("kerastricks")
class ChannelsLastDepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """Keras' `DepthwiseConv2D`, likewise.

    Args: as `keras.layers.DepthwiseConv2D`.
    """

    def build(self, input_shape):
        super().build(input_shape)
        _lay_out(self)

    def call(self, inputs):
        if not _applies(self):
            return super().call(inputs)
        height, width, channels, multiplier = self.kernel.shape
        kernel = keras.ops.reshape(self.kernel, (height, width, 1, channels * multiplier))
        return _convolve(self, inputs, kernel, groups=channels)


def keep_channels_last(model: Any) -> list:
    """Lets the convolutions of a functional or Sequential model run without copies, in place.

    The layers keep their names, weights and settings; only their class changes. Compile the model afterwards.

    Args:
        model: The model; nested ones are searched too.

    Returns:
        The layers that were changed: none on TensorFlow and JAX.
    """
    if keras.backend.backend() != "torch":
        return []
    changed = change_class(model, keras.layers.Conv2D, ChannelsLastConv2D, _applies)
    changed += change_class(model, keras.layers.DepthwiseConv2D, ChannelsLastDepthwiseConv2D, _applies)
    for layer in changed:
        _lay_out(layer)
    return changed
