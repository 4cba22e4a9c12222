"""Optimizers with the paper's weight decay: coupled with the gradient, by a rule that is saved with the optimizer."""

import re
from collections.abc import Collection, Sequence
from typing import Any

import keras
from keras import ops

from kerastricks import keras_private
from kerastricks.optimizers.rates import VariableRates


def decays(variable: Any, exclude: Sequence[Any] = (), include: Sequence[Any] = ()) -> bool:
    """Tells whether a variable decays under the rule "kernels only": those of rank two and up.

    Args:
        variable: A Keras variable.
        exclude: Kernels that must not decay: patterns for `re.search` in `variable.path`, or variables.
        include: Biases, γ or β that decay all the same, given likewise; takes precedence over `exclude`.
    """
    if _listed(variable, include):
        return True
    return len(variable.shape) > 1 and not _listed(variable, exclude)


def _listed(variable: Any, choices: Sequence[Any]) -> bool:
    return any(re.search(c, variable.path) if isinstance(c, str) else c is variable for c in choices)


class DecayRule:
    """Mixin for a Keras optimizer: the rule by which variables decay is applied in `build` and saved in the config."""

    def __init__(self, *args, kernels_only=False, exclude=(), include=(), **kwargs):
        super().__init__(*args, **kwargs)
        if kernels_only:
            self.decay_kernels_only(exclude, include)
        elif exclude or include:
            raise ValueError("`exclude` and `include` are exceptions to `kernels_only=True`, which is not set.")
        else:
            self._rule = None

    def decay_kernels_only(self, exclude: Sequence[str] = (), include: Sequence[str] = ()) -> None:
        """Applies weight decay to kernels only, except for the patterns in `exclude` and `include`; see `decays`."""
        self._rule = {"exclude": list(exclude), "include": list(include)}

    excluded_paths: Collection[str] = ()

    def build(self, variables):
        if self._rule is not None:
            excluded = [v for v in variables if not decays(v, **self._rule)]
            self.excluded_paths = {variable.path for variable in excluded}
            self.exclude_from_weight_decay(var_list=excluded)
        super().build(variables)

    def get_config(self):
        return {**super().get_config(), "kernels_only": self._rule is not None, **(self._rule or {})}


def _lay_out_alike(parameter: Any, model: Any) -> None:
    """Gives a PyTorch tensor the memory layout of `model`: operations on two different layouts are slow."""
    import torch

    parameter.data = torch.empty_like(model).copy_(parameter.data)


# The classes that Keras makes instances of: on PyTorch, faster ones than these.
_KerasSGD: Any = keras_private.parallel(keras.optimizers.SGD)
_KerasAdamW: Any = keras_private.parallel(keras.optimizers.AdamW)


@keras.saving.register_keras_serializable("kerastricks")
class SGD(DecayRule, VariableRates, _KerasSGD):
    """SGD whose weight decay is the gradient of the L2 penalty, as in the paper, MXNet and PyTorch.

        gradient + weight_decay * variable

    Keras' own `weight_decay` shrinks the variable by `learning_rate * weight_decay` instead, bypassing the momentum:
    at momentum 0.9 that is a tenth of the effect. The reported loss does not include the penalty.

    Args: as `keras.optimizers.SGD`, and
        coupled: Whether the decay is added to the gradient; it is then kept as `coupled_weight_decay`, and the
            attribute `weight_decay`, which is Keras' decoupled one, is None.
        kernels_only: Whether only kernels decay, and biases, γ and β do not.
        exclude: Path patterns of kernels that must not decay either.
        include: Path patterns of biases, γ or β that decay all the same.
        rates: Factor of the learning rate for each variable, in their order; see `kerastricks.LayerDecay`.

    Reference: Loshchilov & Hutter, 2017, arXiv:1711.05101, for coupled against decoupled.
    """

    def __init__(self, *args, coupled: bool = True, weight_decay: float | None = None, **kwargs):
        super().__init__(*args, weight_decay=None if coupled else weight_decay, **kwargs)
        self.coupled = coupled
        self.coupled_weight_decay = weight_decay if coupled else None

    def build(self, variables):
        super().build(variables)
        if self.momentum and keras.backend.backend() == "torch":
            for variable, momentum in zip(variables, self.momentums, strict=True):
                _lay_out_alike(momentum.value, variable.value)

    def _decayed(self, gradient, variable):
        if not self.coupled_weight_decay or not keras_private.uses_weight_decay(self, variable):
            return gradient
        return gradient + ops.cast(self.coupled_weight_decay, gradient.dtype) * ops.convert_to_tensor(variable)

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(self._decayed(gradient, variable), variable, learning_rate)

    def _parallel_update_step(self, grads, variables, learning_rate):  # on PyTorch, in place of `update_step`
        grads = [self._decayed(gradient, variable) for gradient, variable in zip(grads, variables, strict=True)]
        super()._parallel_update_step(grads, variables, learning_rate)

    def get_config(self):
        return {**super().get_config(), "coupled": self.coupled, "weight_decay": weight_decay(self)}


@keras.saving.register_keras_serializable("kerastricks")
class AdamW(DecayRule, VariableRates, _KerasAdamW):
    """Keras' AdamW, with its decoupled decay, and the rule of `kerastricks.SGD` for which variables decay.

    Args: as `keras.optimizers.AdamW`, and `kernels_only`, `exclude`, `include`, `rates` as for `kerastricks.SGD`; a
        `weight_decay` of None is none.
    """

    def __init__(self, *args, weight_decay: float | None = 0.004, **kwargs):
        super().__init__(*args, weight_decay=weight_decay or 0.0, **kwargs)

    def get_config(self):
        return {**super().get_config(), "weight_decay": weight_decay(self)}


def nesterov(learning_rate: Any, weight_decay: float | None) -> SGD:
    """Returns the paper's optimizer: SGD with Nesterov momentum 0.9."""
    return SGD(learning_rate, momentum=0.9, nesterov=True, weight_decay=weight_decay)


def plain_optimizer(optimizer: Any, learning_rate: float) -> Any:
    """Returns an optimizer of Keras' own with the settings of one, at a constant learning rate and without its state.

    A weight decay that Keras does not have, coupled or inside the trust ratio of LAMB, is left out.
    """
    stock = getattr(keras.optimizers, type(optimizer).__name__, type(optimizer))
    own = ("coupled", "kernels_only", "exclude", "include", "rates", "exclude_last")
    config: dict[str, Any] = {name: value for name, value in optimizer.get_config().items() if name not in own}
    if getattr(optimizer, "coupled_weight_decay", None) or getattr(optimizer, "adapted_weight_decay", None):
        config["weight_decay"] = None
    try:
        return stock.from_config({**config, "learning_rate": learning_rate})
    except (TypeError, ValueError):  # a class of the user's without a whole config
        return keras.optimizers.SGD(learning_rate)


def batch_counter(optimizer: Any) -> Any:
    """Returns the variable in which an optimizer counts batches, whether or not each makes an update."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return next(variable for variable in inner.variables if variable.name == "iteration")


def batches_done(optimizer: Any) -> int:
    """Returns the number of batches that an optimizer has seen."""
    return int(ops.convert_to_numpy(batch_counter(optimizer)))


def weight_decay(optimizer: Any) -> float | None:
    """Returns the weight decay of an optimizer, whoever applies it."""
    names = ("coupled_weight_decay", "adapted_weight_decay", "scaled_weight_decay", "weight_decay")
    return next((decay for name in names if (decay := getattr(optimizer, name, None)) is not None), None)


def decay_report(model: Any, print_fn: Any = print) -> dict[str, bool]:
    """Prints which trainable variables of a compiled model decay, and returns that as `{path: decays}`.

    Args:
        model: A compiled `keras.Model`.
        print_fn: Called with each line, as in `model.summary`.

    Raises:
        ValueError: If the model is not compiled.
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        raise ValueError(f"The model '{model.name}' has no optimizer. Call `compile` first.")
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    rate = weight_decay(optimizer) or 0
    report = {v.path: bool(rate) and keras_private.uses_weight_decay(optimizer, v) for v in model.trainable_variables}
    coupled = "coupled" if getattr(optimizer, "coupled_weight_decay", None) else "decoupled"
    print_fn(f"{type(optimizer).__name__}: weight decay {rate} ({coupled})")
    for variable in model.trainable_variables:
        word = "decays" if report[variable.path] else "stays"
        print_fn(f"  {word:7} {'×'.join(map(str, variable.shape)):16} {variable.path}")
    return report
