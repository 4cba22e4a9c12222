"""For small images as CIFAR's: crops and flips, warmup, cosine decay, zero γ, no bias decay, averaging.

Label smoothing and mixup lowered the accuracy in trials on 2,000 images of CIFAR-10, and so are left out: a small
network in few epochs underfits. docs/results.md has what each trick brought there.

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
        tricks.EMA(0.99),
    ),
    learning_rate=0.1,
    weight_decay=5e-4,
    epochs=30,
    batch_size=128,
)
