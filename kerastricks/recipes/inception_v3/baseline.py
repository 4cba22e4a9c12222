"""Inception-V3, the baseline: batch 256, the rate falls by ten at epochs 30, 60 and 90.

The paper's figure: 77.32 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 2); not measured here.

    kerastricks train imagenet/ --recipe inception_v3/baseline --model InceptionV3 --image-size 342
"""

from kerastricks import tricks
from kerastricks.recipes.resnet50d.baseline import recipe as resnet50d

recipe = resnet50d.replacing(tricks.RandomResizedCrop(299))
