"""Inception-V3, smoothing, mixup and the teacher in resnet152d.keras, 200 epochs. In the paper this harms.

The paper's figure: 78.34 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

The teacher takes the student's images: train resnet152d at 299 pixels.

    kerastricks train imagenet/ --recipe inception_v3/mixup_distillation --model InceptionV3 --image-size 342
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.inception_v3.mixup import recipe as mixup

recipe = dataclasses.replace(mixup, tricks=(*mixup.tricks, tricks.Distillation("resnet152d.keras")))
