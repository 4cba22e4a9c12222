"""Inception-V3, efficient training: batch 1,024, scaling, warmup, no bias decay, low precision.

The paper's figure: 77.50 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, tables 3 and 6); not measured here.

    kerastricks train imagenet/ --recipe inception_v3/efficient --model InceptionV3 --image-size 342
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.inception_v3.baseline import recipe as baseline

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
