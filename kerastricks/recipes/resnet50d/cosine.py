"""ResNet-50-D, efficient training with cosine decay.

The paper's figure: 77.91 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe resnet50d/cosine --model resnet50d --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.resnet50d.efficient import recipe as efficient

recipe = dataclasses.replace(
    efficient,
    tricks=tuple(tricks.CosineDecay() if trick.name == "StepDecay" else trick for trick in efficient.tricks),
)
