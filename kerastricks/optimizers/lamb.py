"""LAMB as published: the weight decay is part of the update whose length is set by that of the weights."""

from typing import Any

import keras
from keras import ops

from kerastricks import keras_private
from kerastricks.optimizers.rates import VariableRates
from kerastricks.optimizers.sgd import DecayRule


def trust_ratio(weight: Any, update: Any) -> Any:
    """Returns the length of `weight` over that of `update`, or 1 if one of them is 0."""
    w, u = (ops.sqrt(ops.sum(ops.square(x))) for x in (weight, update))
    both = ops.logical_and(w > 0, u > 0)
    return ops.where(both, w / ops.where(both, u, 1), 1)


@keras.saving.register_keras_serializable("kerastricks")
class Lamb(DecayRule, VariableRates, keras.optimizers.Optimizer):
    """LAMB: Adam's update and the weight decay, scaled for each variable to the length of the variable.

        update = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon) + weight_decay * variable
        variable - learning_rate * trust_ratio(variable, update) * update

    Keras' own `Lamb` applies the decay by itself, outside of the trust ratio. As in the authors' code and in timm, a
    variable that a rule leaves out of the decay is left out of the scaling, too, and takes Adam's update. timm also
    clips the global norm of the gradients at 1: `kerastricks.GradientClipping(1.0)`.

    Args: as `keras.optimizers.Lamb`, and `kernels_only`, `exclude`, `include`, `rates` as for `kerastricks.SGD`. The
        decay is kept as `adapted_weight_decay`, and the attribute `weight_decay`, which is Keras' own, is None.

    Reference: You et al., 2019, arXiv:1904.00962.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        *,
        weight_decay: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, weight_decay=None, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.adapted_weight_decay = weight_decay

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.momentums, self.velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient, variable, learning_rate):
        index, dtype = keras_private.variable_index(self, variable), variable.dtype
        m, v = self.momentums[index], self.velocities[index]
        gradient, t = ops.cast(gradient, dtype), ops.cast(self.iterations + 1, dtype)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        update = m / (1 - self.beta_1**t) / (ops.sqrt(v / (1 - self.beta_2**t)) + self.epsilon)
        weight = ops.convert_to_tensor(variable)
        if keras_private.uses_weight_decay(self, variable):
            update = update + (self.adapted_weight_decay or 0.0) * weight
            update = trust_ratio(weight, update) * update
        self.assign_sub(variable, ops.cast(learning_rate * self._factor(variable), dtype) * update)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("beta_1", "beta_2", "epsilon")}
        return {**super().get_config(), **own, "weight_decay": self.adapted_weight_decay}
