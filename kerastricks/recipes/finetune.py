"""For networks that have learned before, on a few hundred photographs or more: the last layer first, then all of it.

Chosen on photographs of groceries with the ImageNet weights of EfficientNet-Lite0: docs/photographs.md tells from what.

    kerastricks train photos/ --model efficientnet_lite0 --weights imagenet --recipe finetune
"""

from kerastricks import tricks
from kerastricks.optimizers.sgd import AdamW
from kerastricks.training.recipe import Recipe

recipe = Recipe(
    (
        tricks.Freeze(2),
        tricks.LayerDecay(0.9),
        tricks.CosineDecay(),
        tricks.NoBiasDecay(),
        tricks.RandomResizedCrop(area=(0.25, 1.0)),
        tricks.RandomFlip(),
        tricks.LabelSmoothing(0.1),
        tricks.EMA(0.95),
    ),
    optimizer=AdamW,
    learning_rate=2e-3,
    weight_decay=0.02,
    epochs=10,
    batch_size=32,
)
