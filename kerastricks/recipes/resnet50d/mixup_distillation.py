"""ResNet-50-D, smoothing, mixup and the teacher in resnet152d.keras, 200 epochs.

The paper's figure: 79.29 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe resnet50d/mixup_distillation --model resnet50d --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.resnet50d.mixup import recipe as mixup

recipe = dataclasses.replace(mixup, tricks=(*mixup.tricks, tricks.Distillation("resnet152d.keras")))
