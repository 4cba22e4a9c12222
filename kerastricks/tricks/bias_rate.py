"""A higher learning rate for the shifts of BatchNormalization."""

import dataclasses
from typing import Any

from keras import layers

from kerastricks.models.graph import all_layers, has_graph
from kerastricks.training.trick import Trick


def bias_rates(model: Any, factor: float) -> list[float]:
    """Returns a factor of the learning rate for each trainable variable of `model`: `factor` for each β, 1 for others.

    Args:
        model: A functional or Sequential model; nested models are searched too.
        factor: Learning rate of β over that of the other variables.
    """
    norms = [layer for layer in all_layers(model) if isinstance(layer, layers.BatchNormalization) and layer.center]
    shifts = {id(norm.beta) for norm in norms}
    return [factor if id(variable) in shifts else 1.0 for variable in model.trainable_variables]


@dataclasses.dataclass(frozen=True)
class BiasRate(Trick):
    """Trains β of every BatchNormalization at `factor` times the learning rate.

    The gradient of β is small beside that of a kernel, so that in a short run it hardly moves. The rates are a rule of
    the optimizer, by the order of the variables, so a saved optimizer keeps them.

    Args:
        factor: Learning rate of β over that of the other variables; above 0, and not 1.

    Raises:
        ValueError: If `factor` is out of range, the model has no β, the optimizer takes one rate alone, or another
            trick sets its rates.

    Reference: Page, 2018, "How to train your ResNet"; Jordan, 2024, arXiv:2404.00498, section 3.4.
    """

    factor: float = 64.0

    def __post_init__(self):
        if not 0 < self.factor < float("inf") or self.factor == 1:
            raise ValueError(f"`factor` of BiasRate must be above 0, and not 1. Received: factor={self.factor}")

    def check(self, setup):
        inner = getattr(setup.optimizer, "inner_optimizer", setup.optimizer)
        if not hasattr(inner, "set_rates"):
            raise ValueError(
                "BiasRate sets a rate for each variable, which kt.SGD, kt.AdamW, kt.Lamb and kt.Muon take. Received: "
                f"{type(inner).__name__}. Pass one of them as the recipe's `optimizer`, or leave BiasRate out."
            )
        if any(trick.name == "LayerDecay" for trick in setup.tricks):
            raise ValueError("BiasRate and LayerDecay both set the rates of the variables. Leave one of them out.")
        if not has_graph(setup.model):
            raise ValueError(
                "BiasRate finds BatchNormalization in the graph of a functional or Sequential model. "
                f"Received: {type(setup.model).__name__}, which has none. Leave BiasRate out."
            )
        frozen = next(
            (one for one in setup.tricks if one.name == "Freeze" and (not one.epochs or one.batch_norm)), None
        )
        if frozen is not None:
            raise ValueError(
                f"BiasRate would have no effect: Freeze keeps every β as it is. Received: {frozen}. "
                "Leave one of them out."
            )
        if self.factor not in bias_rates(setup.model, self.factor):
            raise ValueError(
                "BiasRate would have no effect: no BatchNormalization of the model has a trainable β. "
                "Leave BiasRate out."
            )

    def optimizer(self, optimizer, model, plan):
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        inner.set_rates(bias_rates(model, self.factor))
        return optimizer
