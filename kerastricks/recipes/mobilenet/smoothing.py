"""MobileNet, cosine decay and label smoothing.

The paper's figure: 72.93 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe mobilenet/smoothing --model MobileNet --image-size 256
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.mobilenet.cosine import recipe as cosine

recipe = dataclasses.replace(cosine, tricks=(*cosine.tricks, tricks.LabelSmoothing(0.1)))
