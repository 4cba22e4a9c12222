"""MobileNet, smoothing, mixup and the teacher in resnet152d.keras, 200 epochs. In the paper this harms.

The paper's figure: 72.51 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe mobilenet/mixup_distillation --model MobileNet --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.mobilenet.mixup import recipe as mixup

recipe = dataclasses.replace(mixup, tricks=(*mixup.tricks, tricks.Distillation("resnet152d.keras")))
