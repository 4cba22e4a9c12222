"""Inception-V3, the baseline: batch 256, the rate falls by ten at epochs 30, 60 and 90.

The paper's figure: 77.32 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 2); not measured here.

    kerastricks train imagenet/ --recipe inception_v3/baseline --model InceptionV3 --image-size 342
"""

from kerastricks import tricks
from kerastricks.recipe import Recipe

recipe = Recipe(
    (
        tricks.StepDecay((30, 60, 90)),
        tricks.RandomResizedCrop(299),
        tricks.RandomFlip(),
        tricks.ColorJitter(brightness=0.4, saturation=0.4, hue=0.4),
        tricks.PCANoise(0.1),
    ),
    learning_rate=0.1,
    weight_decay=1e-4,
    epochs=120,
    batch_size=256,
)
