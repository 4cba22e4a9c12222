"""MobileNet, smoothing and a ResNet-152-D, in resnet152d.keras, as the teacher. In the paper this harms.

The paper's figure: 71.97 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

The teacher comes first; copy its model.keras to resnet152d.keras, where you run this:

    kerastricks train imagenet/ --recipe resnet50d/smoothing --model resnet152d --image-size 256

Then:

    kerastricks train imagenet/ --recipe mobilenet/distillation --model MobileNet --image-size 256
"""

from kerastricks.recipes.resnet50d.distillation import recipe as resnet50d

recipe = resnet50d.without("ZeroGamma")
