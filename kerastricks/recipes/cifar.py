"""For small images as CIFAR's: crops and flips, warmup, cosine decay, zero γ, no bias decay, smoothing, averaging.

Chosen by measurement on a part of CIFAR-10; see docs/results.md for what each trick brought there.

    kerastricks train cifar10/ --recipe cifar --efficient
"""

from kerastricks import tricks
from kerastricks.recipe import Recipe

recipe = Recipe(
    (
        tricks.Warmup(1),
        tricks.CosineDecay(),
        tricks.ZeroGamma(),
        tricks.NoBiasDecay(),
        tricks.RandomCrop(4),
        tricks.RandomFlip(),
        tricks.LabelSmoothing(0.1),
        tricks.EMA(0.99),
    ),
    learning_rate=0.1,
    weight_decay=5e-4,
    epochs=30,
    batch_size=128,
)
