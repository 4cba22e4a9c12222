"""ResNet-50-D, efficient training: batch 1,024, scaling, warmup, zero γ, no bias decay, low precision.

The paper's figure: 77.16 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, tables 3 and 6); not measured here.

    kerastricks train imagenet/ --recipe resnet50d/efficient --model resnet50d --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.resnet50d.baseline import recipe as baseline

recipe = dataclasses.replace(
    baseline,
    tricks=(
        tricks.LinearScaling(256),
        tricks.Warmup(5),
        *baseline.tricks,
        tricks.ZeroGamma(),
        tricks.NoBiasDecay(),
        tricks.LowPrecision(),
    ),
    batch_size=1024,
)
