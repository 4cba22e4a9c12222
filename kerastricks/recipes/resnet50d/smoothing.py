"""ResNet-50-D, cosine decay and label smoothing.

The paper's figure: 78.31 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe resnet50d/smoothing --model resnet50d --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.resnet50d.cosine import recipe as cosine

recipe = dataclasses.replace(cosine, tricks=(*cosine.tricks, tricks.LabelSmoothing(0.1)))
