"""For networks that have learned before, on a few hundred photographs or more: the last layer first, then all of it.

Made for the ImageNet weights of EfficientNet-Lite0; docs/photographs.md shows what it was chosen from.

    kerastricks train photos/ --model efficientnet_lite0 --weights imagenet --recipe finetune
"""

from kerastricks import tricks
from kerastricks.optimizers.sgd import AdamW
from kerastricks.training.recipe import Recipe

recipe = Recipe(
    (
        tricks.Freeze(1),
        tricks.LayerDecay(0.9),
        tricks.Warmup(1),
        tricks.CosineDecay(),
        tricks.NoBiasDecay(),
        tricks.RandomResizedCrop(area=(0.35, 1.0)),
        tricks.RandomFlip(),
        tricks.ColorJitter(),
        tricks.LabelSmoothing(0.1),
        tricks.EMA(0.95),
    ),
    optimizer=AdamW,
    learning_rate=1e-3,
    weight_decay=0.02,
    epochs=12,
    batch_size=32,
)
