"""MobileNet, efficient training: batch 1,024, scaling, warmup, no bias decay, low precision.

The paper's figure: 71.90 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, tables 3 and 6); not measured here.

    kerastricks train imagenet/ --recipe mobilenet/efficient --model MobileNet --image-size 256
"""

from kerastricks.recipes.resnet50d.efficient import recipe as resnet50d

recipe = resnet50d.without("ZeroGamma")
