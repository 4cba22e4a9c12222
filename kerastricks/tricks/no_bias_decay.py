"""Weight decay for kernels only."""

import dataclasses
from typing import Any

from kerastricks.optimizers.sgd import decays, weight_decay
from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class NoBiasDecay(Trick):
    """Applies weight decay to kernels only (rank 2 and up, depthwise ones too), not to biases, γ and β.

    Args:
        exclude: Kernels that must not decay either: patterns for `re.search` in `variable.path`, or variables.
        include: Biases, γ or β that decay all the same, given likewise; takes precedence over `exclude`.

    Raises:
        ValueError: If the optimizer has no weight decay, if every variable would decay all the same or none would,
            or if an entry of `exclude` or `include` matches no variable.

    Reference: He et al., 2018, arXiv:1812.01187, section 3.1.
    """

    exclude: tuple[Any, ...] = ()
    include: tuple[Any, ...] = ()

    def check(self, setup):
        inner = getattr(setup.optimizer, "inner_optimizer", setup.optimizer)
        decay = weight_decay(inner)
        if not decay:
            raise ValueError(
                "NoBiasDecay would have no effect: the optimizer has no weight decay. "
                f"Received: optimizer={type(inner).__name__}(weight_decay={decay}). "
                "Pass `weight_decay=` to the recipe, or leave NoBiasDecay out."
            )
        variables = setup.model.trainable_variables
        for choice in (*self.exclude, *self.include):
            if not any(decays(v, include=[choice]) != decays(v, exclude=[choice]) for v in variables):
                raise ValueError(f"NoBiasDecay names no trainable variable of the model. Received: {choice!r}")
        excluded = self._excluded(setup.model)
        if not excluded:
            raise ValueError(
                "NoBiasDecay would have no effect: the model has no trainable biases, γ or β. Leave NoBiasDecay out."
            )
        if len(excluded) == len(variables):
            raise ValueError("NoBiasDecay would stop all decay. Pass `weight_decay=0` to the recipe instead.")

    def _excluded(self, model):
        return [v for v in model.trainable_variables if not decays(v, self.exclude, self.include)]

    def optimizer(self, optimizer, model, plan):
        inner = getattr(optimizer, "inner_optimizer", optimizer)  # a LossScaleOptimizer wraps the one that decays
        if hasattr(inner, "decay_kernels_only") and all(isinstance(c, str) for c in (*self.exclude, *self.include)):
            inner.decay_kernels_only(self.exclude, self.include)  # a rule, which is saved with the optimizer
        else:
            inner.exclude_from_weight_decay(var_list=self._excluded(model))
        return optimizer
