"""Inception-V3, smoothing and mixup, 200 epochs.

The paper's figure: 78.77 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe inception_v3/mixup --model InceptionV3 --image-size 342
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.inception_v3.smoothing import recipe as smoothing

recipe = dataclasses.replace(smoothing, tricks=(*smoothing.tricks, tricks.MixUp(0.2)), epochs=200)
