"""MobileNet, smoothing and a ResNet-152-D, in resnet152d.keras, as the teacher. In the paper this harms.

The paper's figure: 71.97 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe mobilenet/distillation --model MobileNet --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.mobilenet.smoothing import recipe as smoothing

recipe = dataclasses.replace(smoothing, tricks=(*smoothing.tricks, tricks.Distillation("resnet152d.keras")))
