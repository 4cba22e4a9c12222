"""Inception-V3, efficient training with cosine decay.

The paper's figure: 78.19 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe inception_v3/cosine --model InceptionV3 --image-size 342
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.inception_v3.efficient import recipe as efficient

recipe = dataclasses.replace(
    efficient,
    tricks=tuple(tricks.CosineDecay() if trick.name == "StepDecay" else trick for trick in efficient.tricks),
)
