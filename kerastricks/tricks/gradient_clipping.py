"""A bound on the norm of the gradient."""

import dataclasses

from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class GradientClipping(Trick):
    """Scales the gradient down where its norm over all weights exceeds `norm` (Pascanu et al., 2012).

        gradient * min(1, norm / norm of the gradient over all weights)

    The clipping is Keras' own `global_clipnorm`; it comes before the weight decay, and after accumulation.

    Args:
        norm: Largest norm of the gradient, positive.

    Raises:
        ValueError: If `norm` is not positive, or the optimizer clips already.

    Reference: arXiv:1211.5063.
    """

    norm: float = 1.0

    def __post_init__(self):
        if not 0 < self.norm < float("inf"):
            raise ValueError(f"`norm` must be positive. Received: norm={self.norm}")

    def check(self, setup):
        inner = getattr(setup.optimizer, "inner_optimizer", setup.optimizer)
        for name in ("clipnorm", "global_clipnorm", "clipvalue"):
            if getattr(inner, name, None) is not None:
                raise ValueError(
                    f"GradientClipping needs an optimizer that does not clip. Received: {type(inner).__name__}"
                    f"({name}={getattr(inner, name)}). Drop that, or leave GradientClipping out."
                )

    def optimizer(self, optimizer, model, plan):
        getattr(optimizer, "inner_optimizer", optimizer).global_clipnorm = self.norm
        return optimizer
