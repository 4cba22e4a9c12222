"""ResNet-50-D, smoothing and a ResNet-152-D, in resnet152d.keras, as the teacher.

The paper's figure: 78.67 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

The teacher comes first; copy its model.keras to resnet152d.keras, where you run this:

    kerastricks train imagenet/ --recipe resnet50d/smoothing --model resnet152d --image-size 256

Then:

    kerastricks train imagenet/ --recipe resnet50d/distillation --model resnet50d --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.resnet50d.smoothing import recipe as smoothing

recipe = dataclasses.replace(smoothing, tricks=(*smoothing.tricks, tricks.Distillation("resnet152d.keras")))
