"""Weight decay for kernels alone."""

import dataclasses
from typing import Any

from kerastricks.trick import Trick


def vectors(model: Any) -> list:
    """Returns the trainable variables of rank one and below: biases, γ and β."""
    return [variable for variable in model.trainable_variables if len(variable.shape) <= 1]


@dataclasses.dataclass(frozen=True)
class NoBiasDecay(Trick):
    """Keeps weight decay off biases, γ and β: only kernels, of rank two and up, decay.

    Raises:
        ValueError: If the optimizer has no weight decay, or the model has no such variable.

    Reference: He et al., 2018, arXiv:1812.01187, section 3.1.
    """

    def optimizer(self, optimizer, model, plan):
        weight_decay = getattr(optimizer, "weight_decay", None)
        if not weight_decay:
            raise ValueError(
                "NoBiasDecay would have no effect: the optimizer has no weight decay. "
                f"Received: optimizer={type(optimizer).__name__}(weight_decay={weight_decay}). "
                "Pass `weight_decay=` to the recipe, or leave NoBiasDecay out."
            )
        excluded = vectors(model)
        if not excluded:
            raise ValueError(
                "NoBiasDecay would have no effect: the model has no trainable biases, γ or β. Leave NoBiasDecay out."
            )
        optimizer.exclude_from_weight_decay(var_list=excluded)
        return optimizer
