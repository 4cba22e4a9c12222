"""MobileNet, efficient training with cosine decay.

The paper's figure: 72.83 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe mobilenet/cosine --model MobileNet --image-size 256
"""

from kerastricks.recipes.resnet50d.cosine import recipe as resnet50d

recipe = resnet50d.without("ZeroGamma")
