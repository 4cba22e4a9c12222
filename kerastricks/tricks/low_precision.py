"""Training in 16-bit floating point."""

import dataclasses

import keras

from kerastricks.models.graph import has_graph
from kerastricks.models.precision import has_accelerator, lowerable, set_precision
from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class LowPrecision(Trick):
    """Computes in bfloat16 or float16, with weights, logits, loss, targets and moving statistics in float32.

    float16 has a narrow range, so the loss is scaled: the optimizer is wrapped in Keras' own `LossScaleOptimizer`,
    which skips an update whose gradients overflow. bfloat16 needs no scaling.

    Args:
        dtype: `bfloat16` or `float16`.

    Raises:
        ValueError: If `dtype` is neither, if the model is subclassed or computes in sixteen bits already, or if
            float16 is asked for where there is no accelerator.

    Reference: Micikevicius et al., 2017, arXiv:1710.03740; He et al., 2018, arXiv:1812.01187, section 3.2.
    """

    dtype: str = "bfloat16"

    def __post_init__(self):
        if self.dtype not in ("bfloat16", "float16"):
            raise ValueError(f"`dtype` must be 'bfloat16' or 'float16'. Received: dtype={self.dtype!r}")

    @property
    def claims(self):
        return ("precision",)

    def check(self, setup):
        model = setup.model
        if self.dtype == "float16" and not has_accelerator():
            raise ValueError(
                "LowPrecision cannot use float16 here: the CPU has no fast float16 arithmetic, and there is no "
                f"accelerator. Received: dtype='float16' on {keras.backend.backend()}. Use 'bfloat16'."
            )
        if not has_graph(model):
            raise ValueError(
                "LowPrecision changes the layers in the graph of a functional or Sequential model. "
                f"Received: {type(model).__name__}, which has none. Leave LowPrecision out, or set the dtype policy "
                "before you build the model."
            )
        if not lowerable(model):
            raise ValueError(
                "LowPrecision would have no effect: no layer of the model computes in float32. Leave LowPrecision out."
            )

    def model(self, model, plan):
        set_precision(model, f"mixed_{self.dtype}")
        return model

    def optimizer(self, optimizer, model, plan):
        if self.dtype == "bfloat16" or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            return optimizer
        return keras.optimizers.LossScaleOptimizer(optimizer)
