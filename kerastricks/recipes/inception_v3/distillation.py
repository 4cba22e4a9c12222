"""Inception-V3, smoothing and a ResNet-152-D, in resnet152d.keras, as the teacher. In the paper this harms.

The paper's figure: 78.26 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

The teacher takes the student's images: train resnet152d at 299 pixels.

    kerastricks train imagenet/ --recipe inception_v3/distillation --model InceptionV3 --image-size 342
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.inception_v3.smoothing import recipe as smoothing

recipe = dataclasses.replace(smoothing, tricks=(*smoothing.tricks, tricks.Distillation("resnet152d.keras")))
