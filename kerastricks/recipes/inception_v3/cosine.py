"""Inception-V3, efficient training with cosine decay.

The paper's figure: 78.19 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe inception_v3/cosine --model InceptionV3 --image-size 342
"""

from kerastricks import tricks
from kerastricks.recipes.resnet50d.cosine import recipe as resnet50d

recipe = resnet50d.without("ZeroGamma").replacing(tricks.RandomResizedCrop(299))
