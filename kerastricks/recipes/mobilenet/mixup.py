"""MobileNet, smoothing and mixup, 200 epochs.

The paper's figure: 73.28 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe mobilenet/mixup --model MobileNet --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.mobilenet.smoothing import recipe as smoothing

recipe = dataclasses.replace(smoothing, tricks=(*smoothing.tricks, tricks.MixUp(0.2)), epochs=200)
