"""Learning rates of their own for the variables of an optimizer, as factors of the common one."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from kerastricks import keras_private


class VariableRates:
    """Mixin for a Keras optimizer: each variable moves, and decays, at the learning rate times a factor of its own.

    The factors stand in the order of the variables that the optimizer is built with, which is that of the layers of a
    model. So they hold for a model that was saved and loaded, whatever its layers are called then.

    Args:
        rates: Factors, at least 0, one for each variable; None for 1 everywhere. A decoupled weight decay is then kept
            as `scaled_weight_decay`, and `weight_decay`, which Keras applies at the common rate, is None.
    """

    weight_decay: float | None

    def __init__(self, *args: Any, rates: Sequence[float] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.rates: tuple[float, ...] | None = None
        self.scaled_weight_decay: float | None = None
        if rates is not None:
            self.set_rates(rates)

    def set_rates(self, rates: Sequence[float]) -> None:
        """Sets the factors of an optimizer that is not built yet.

        Raises:
            ValueError: If a factor is below 0, or not finite.
        """
        if not all(0 <= rate < float("inf") for rate in rates):
            raise ValueError(f"`rates` must be finite and at least 0. Received: rates={list(rates)}")
        self.rates = tuple(map(float, rates))
        if self.weight_decay is not None:
            self.scaled_weight_decay, self.weight_decay = self.weight_decay, None

    def build(self, variables: Sequence[Any]) -> None:
        if self.rates is not None and len(self.rates) != len(variables):
            raise ValueError(
                "`rates` must hold a factor for each trainable variable. "
                f"Received: {len(self.rates)} factors and {len(variables)} variables"
            )
        self.trained_paths = [variable.path for variable in variables]  # a list of variables would be tracked by Keras
        super().build(variables)  # type: ignore[misc]

    def _factor(self, variable: Any) -> float:
        return 1.0 if self.rates is None else self.rates[keras_private.variable_index(self, variable)]

    def _decay(self, variable: Any, learning_rate: Any) -> None:
        if self.scaled_weight_decay and keras_private.uses_weight_decay(self, variable):
            amount = ops.cast(learning_rate * self.scaled_weight_decay, variable.dtype)
            variable.assign(variable - variable * amount)

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = learning_rate * self._factor(variable)
        self._decay(variable, learning_rate)
        super().update_step(gradient, variable, learning_rate)

    def _parallel_update_step(self, grads, variables, learning_rate):  # on PyTorch, in place of `update_step`
        if self.rates is None:
            super()._parallel_update_step(grads, variables, learning_rate)
            return
        groups: dict[float, list[tuple[Any, Any]]] = {}
        for pair in zip(grads, variables, strict=True):
            groups.setdefault(self._factor(pair[1]), []).append(pair)
        for factor, pairs in groups.items():
            for _, variable in pairs:
                self._decay(variable, learning_rate * factor)
            super()._parallel_update_step(*map(list, zip(*pairs, strict=True)), learning_rate * factor)

    def get_config(self):
        return {**super().get_config(), "rates": self.rates and list(self.rates)}
