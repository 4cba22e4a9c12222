"""MobileNet, smoothing and mixup, 200 epochs.

The paper's figure: 73.28 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe mobilenet/mixup --model MobileNet --image-size 256
"""

from kerastricks.recipes.resnet50d.mixup import recipe as resnet50d

recipe = resnet50d.without("ZeroGamma")
