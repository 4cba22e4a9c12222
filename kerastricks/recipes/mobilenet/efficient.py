"""MobileNet, efficient training: batch 1,024, scaling, warmup, no bias decay, low precision.

The paper's figure: 71.90 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, tables 3 and 6); not measured here.

    kerastricks train imagenet/ --recipe mobilenet/efficient --model MobileNet --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.mobilenet.baseline import recipe as baseline

recipe = dataclasses.replace(
    baseline,
    tricks=(
        tricks.LinearScaling(256),
        tricks.Warmup(5),
        *baseline.tricks,
        tricks.NoBiasDecay(),
        tricks.LowPrecision(),
    ),
    batch_size=1024,
)
