"""Muon for the kernels of convolutions too, with one weight decay and its rule."""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from kerastricks import keras_private
from kerastricks.optimizers.rates import VariableRates
from kerastricks.optimizers.sgd import DecayRule, weight_decay


class _Matrix(NamedTuple):
    """The matrix that a kernel is for Muon, as Keras' rule asks for it."""

    shape: tuple[int, ...]
    path: str


def matrix_shape(shape: Any) -> tuple[int, ...]:
    """Returns the shape of the matrix, inputs by outputs, that a kernel of a convolution stands for; others stay."""
    return (math.prod(shape[:-1]), shape[-1]) if len(shape) == 4 else tuple(shape)


@keras.saving.register_keras_serializable("kerastricks")
class Muon(DecayRule, VariableRates, keras.optimizers.Muon):
    """Keras' Muon, for the kernels of 2-D convolutions too: momentum whose singular values are brought near 1.

    A kernel of a convolution is taken as a matrix of (height * width * inputs, outputs), as in Jordan's airbench; Keras
    leaves it, and so nearly all of a convolutional network, to AdamW. AdamW trains the rest: the last kernel, which is
    the classifier's, kernels of one input or one output, as depthwise ones with a multiplier of 1, biases, γ and β. The
    scale of Liu et al. gives both parts updates of one size, so the learning rate and the weight decay are those of
    AdamW.

    Args: as `keras.optimizers.Muon`, and `kernels_only`, `exclude`, `include`, `rates` as for `kerastricks.SGD`, and
        weight_decay: Decoupled weight decay of both parts, in place of `adam_weight_decay`.
        exclude_last: Whether the last kernel is left to AdamW.

    Reference: Jordan et al., 2024, https://kellerjordan.github.io/posts/muon; Liu et al., 2025, arXiv:2502.16982.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        *,
        weight_decay: float | None = 0.004,
        exclude_last: bool = True,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, weight_decay=None, adam_weight_decay=None, **kwargs)
        self.exclude_last = exclude_last
        self.scaled_weight_decay = weight_decay  # that of `VariableRates`, which is the same for both parts

    def build(self, variables):
        if not self.built:
            keras_private.muon_asks_for_adamw()
            kernels = [index for index, variable in enumerate(variables) if len(variable.shape) > 1]
            self.last_kernel = kernels[-1] if kernels and self.exclude_last else None
            super().build(variables)

    def _should_use_adamw(self, variable):  # Keras asks for each variable
        matrix = _Matrix(matrix_shape(variable.shape), variable.path)
        last = keras_private.variable_index(self, variable) == self.last_kernel
        return last or 1 in variable.shape[-2:] or super()._should_use_adamw(matrix)

    def zeropower_via_newtonschulz5(self, x, steps):
        return ops.reshape(super().zeropower_via_newtonschulz5(ops.reshape(x, matrix_shape(x.shape)), steps), x.shape)

    def lr_adjust(self, x):
        return ops.reshape(super().lr_adjust(ops.reshape(x, matrix_shape(x.shape))), x.shape)

    def get_config(self):
        decay = weight_decay(self)
        own = {"weight_decay": decay, "adam_weight_decay": decay, "exclude_last": self.exclude_last}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = {name: value for name, value in config.items() if name != "adam_weight_decay"}
        return super().from_config(config, custom_objects)
