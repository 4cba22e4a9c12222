"""A lower learning rate for each block, the nearer it is to the images."""

import dataclasses
from typing import Any

from kerastricks.models.blocks import blocks
from kerastricks.models.graph import has_graph
from kerastricks.training.trick import Trick


def layer_rates(model: Any, factor: float, backbone: float = 1.0) -> list[float]:
    """Returns a factor of the learning rate for each trainable variable of `model`, in their order.

        backbone * factor ** (number of blocks above), and 1 for the last layer

    Args:
        model: A functional or Sequential model; its blocks are found in its graph, and the last layer is one by itself.
        factor: Rate of a block over that of the block above it.
        backbone: Rate of all blocks below the last layer, over what `factor` gives them.
    """
    found = blocks(model)
    rates = {
        id(variable): (backbone if above else 1.0) * factor**above
        for above, block in enumerate(reversed(found))
        for layer in block
        for variable in layer.trainable_variables
    }
    return [rates[id(variable)] for variable in model.trainable_variables]


@dataclasses.dataclass(frozen=True)
class LayerDecay(Trick):
    """Trains each block at `factor` times the learning rate of the block above it; the last layer has the full rate.

    The rates are a rule of the optimizer, by the order of the variables, so a saved optimizer keeps them. A decoupled
    weight decay follows the rates.

    Args:
        factor: Rate of a block over that of the block above it, above 0 and at most 1.
        backbone: Rate of all blocks below the last layer, over what `factor` gives them; above 0 and at most 1.

    Raises:
        ValueError: If a number is out of range or both are 1, the model has no graph or a single block, or the
            optimizer takes one rate alone.

    Reference: Howard & Ruder, 2018, arXiv:1801.06146, section 3.2; Bao et al., 2021, arXiv:2106.08254.
    """

    factor: float = 0.9
    backbone: float = 1.0

    def __post_init__(self):
        if not (0 < self.factor <= 1 and 0 < self.backbone <= 1 and min(self.factor, self.backbone) < 1):
            raise ValueError(
                "`factor` and `backbone` of LayerDecay must lie above 0 and at most at 1, and one of them below 1. "
                f"Received: factor={self.factor}, backbone={self.backbone}"
            )

    def check(self, setup):
        inner = getattr(setup.optimizer, "inner_optimizer", setup.optimizer)
        if not hasattr(inner, "set_rates"):
            raise ValueError(
                "LayerDecay sets a rate for each variable, which kt.SGD, kt.AdamW, kt.Lamb and kt.Muon take. Received: "
                f"{type(inner).__name__}. Pass one of them as the recipe's `optimizer`, or leave LayerDecay out."
            )
        if not has_graph(setup.model):
            raise ValueError(
                "LayerDecay finds the blocks in the graph of a functional or Sequential model. "
                f"Received: {type(setup.model).__name__}, which has none. Leave LayerDecay out."
            )
        if len(blocks(setup.model)) < 2:
            raise ValueError("LayerDecay would have no effect: the model is one block. Leave LayerDecay out.")

    def optimizer(self, optimizer, model, plan):
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        inner.set_rates(layer_rates(model, self.factor, self.backbone))
        return optimizer
