"""A network whose features stay as they are while its last layer learns."""

import dataclasses
from typing import Any

from keras import layers

from kerastricks.models.graph import all_layers, has_graph, head
from kerastricks.training.trick import Trick


def freeze(model: Any) -> list[Any]:
    """Freezes all layers of `model` but the last one with weights, and returns those that were not frozen before.

    BatchNormalization then runs in inference mode: it normalizes by its moving statistics, and leaves them alone.

    Args:
        model: A functional or Sequential model, changed in place; nested models are searched too.
    """
    last = head(model)
    frozen = [layer for layer in all_layers(model) if layer.weights and layer is not last and layer.trainable]
    for layer in frozen:
        layer.trainable = False
    return frozen


@dataclasses.dataclass(frozen=True)
class Freeze(Trick):
    """Trains the last layer alone for the first `epochs`, the whole network after them.

    Frozen layers take no gradient, which saves two thirds of a step, and their BatchNormalization is in inference mode.
    Layers that were frozen before stay so. When the others thaw, the optimizer begins anew, at the rate of that step.

    Args:
        epochs: Epochs for which the layers are frozen, at least 1 and fewer than the run has; None for the whole run.
        batch_norm: Whether BatchNormalization stays frozen, γ and β too, when the other layers thaw.

    Raises:
        ValueError: If `epochs` is out of range, the model has no graph, or there is nothing to freeze.

    Reference: Howard & Ruder, 2018, arXiv:1801.06146, section 3.3.
    """

    epochs: int | None = 1
    batch_norm: bool = False

    def __post_init__(self):
        if self.epochs is not None and (not isinstance(self.epochs, int) or self.epochs < 1):
            raise ValueError(
                f"`epochs` of Freeze must be an integer of at least 1, or None for the whole run. "
                f"Received: epochs={self.epochs!r}"
            )

    @property
    def durations(self):
        return ("epochs",)

    def check(self, setup):
        if not has_graph(setup.model):
            raise ValueError(
                "Freeze finds the last layer in the graph of a functional or Sequential model. "
                f"Received: {type(setup.model).__name__}, which has none. Set `trainable` of its layers, and leave "
                "Freeze out."
            )
        if self.epochs is not None and self.epochs >= setup.plan.epochs:
            raise ValueError(
                f"Freeze would never thaw: it freezes epochs={self.epochs} of the run's {setup.plan.epochs}. "
                "Pass `epochs=None` for the whole run, or train for more epochs."
            )
        last = head(setup.model)
        if not getattr(last, "trainable_variables", ()):
            raise ValueError(
                f"Freeze leaves the last layer to learn, and '{setup.model.name}' ends in {type(last).__name__}, which "
                "has nothing to learn. Set `trainable` of its layers, and leave Freeze out."
            )
        if not any(layer.trainable_variables for layer in all_layers(setup.model) if layer is not last):
            raise ValueError(
                "Freeze would have no effect: no layer but the last one has trainable weights. Leave Freeze out."
            )

    def model(self, model, plan):
        freeze(model)
        return model

    def stages(self, model, plan):
        learning = [layer for layer in all_layers(model) if layer.trainable]

        def thaw() -> None:
            for layer in learning:
                layer.trainable = not (self.batch_norm and isinstance(layer, layers.BatchNormalization))

        return {} if self.epochs is None else {self.epochs: thaw}
