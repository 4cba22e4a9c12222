"""Inception-V3, smoothing and a ResNet-152-D, in resnet152d.keras, as the teacher. In the paper this harms.

The paper's figure: 78.26 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

The teacher comes first, at the student's 299 pixels; copy its model.keras to resnet152d.keras:

    kerastricks train imagenet/ --recipe inception_v3/smoothing --model resnet152d --image-size 342

Then:

    kerastricks train imagenet/ --recipe inception_v3/distillation --model InceptionV3 --image-size 342
"""

from kerastricks import tricks
from kerastricks.recipes.resnet50d.distillation import recipe as resnet50d

recipe = resnet50d.without("ZeroGamma").replacing(tricks.RandomResizedCrop(299))
