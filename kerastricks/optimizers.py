"""SGD whose weight decay is the paper's: coupled, in the gradient."""

from typing import Any

import keras
from keras import ops

# Keras gives PyTorch a faster class in place of its own; subclass what a user would get.
_KerasSGD: Any = type(keras.optimizers.SGD.__new__(keras.optimizers.SGD))


@keras.saving.register_keras_serializable("kerastricks")
class SGD(_KerasSGD):
    """Adds the gradient of the L2 penalty to each gradient, as the paper, MXNet and PyTorch do.

        gradient + weight_decay * variable

    Keras' own `weight_decay` shrinks the variable by `learning_rate * weight_decay` instead, past the momentum:
    at momentum 0.9 that is a tenth of the effect. The penalty never shows in the reported loss.

    Args: as `keras.optimizers.SGD`; `exclude_from_weight_decay` works as there.

    Reference: Loshchilov & Hutter, 2017, arXiv:1711.05101, for coupled against decoupled.
    """

    def _apply_weight_decay(self, variables):
        """Keras calls this before the update, to decay apart from the gradient: nothing to do."""

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        if self.weight_decay:
            grads = [
                gradient + ops.cast(self.weight_decay, gradient.dtype) * ops.convert_to_tensor(variable)
                if self._use_weight_decay(variable)
                else gradient
                for gradient, variable in zip(grads, trainable_variables, strict=True)
            ]
        super()._backend_update_step(grads, trainable_variables, learning_rate)


def nesterov(learning_rate: Any, weight_decay: float | None) -> SGD:
    """Returns the paper's optimizer: SGD with Nesterov momentum 0.9."""
    return SGD(learning_rate, momentum=0.9, nesterov=True, weight_decay=weight_decay)
