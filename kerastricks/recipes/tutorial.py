"""The seven tricks of the tutorial: scaling, warmup, cosine, zero γ, no bias decay, smoothing and mixup."""

from kerastricks import tricks
from kerastricks.training.recipe import Recipe

recipe = Recipe(
    (
        tricks.LinearScaling(),
        tricks.Warmup(epochs=2),
        tricks.CosineDecay(),
        tricks.ZeroGamma(),
        tricks.NoBiasDecay(),
        tricks.LabelSmoothing(0.1),
        tricks.MixUp(0.2),
    )
)
