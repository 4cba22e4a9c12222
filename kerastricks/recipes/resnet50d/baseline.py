"""ResNet-50-D, the baseline: batch 256, the rate falls by ten at epochs 30, 60 and 90.

The paper's figure: 75.87 % top-1 on ImageNet, of ResNet-50 (He et al., 2018, arXiv:1812.01187, table 2);
not measured here.

    kerastricks train imagenet/ --recipe resnet50d/baseline --model resnet50d --image-size 256
"""

from kerastricks import tricks
from kerastricks.training.recipe import Recipe

recipe = Recipe(
    (
        tricks.StepDecay((30, 60, 90)),
        tricks.RandomResizedCrop(224),
        tricks.RandomFlip(),
        tricks.ColorJitter(brightness=0.4, saturation=0.4, hue=0.4),
        tricks.PCANoise(0.1),
    ),
    learning_rate=0.1,
    weight_decay=1e-4,
    epochs=120,
    batch_size=256,
)
