"""Inception-V3, cosine decay and label smoothing.

The paper's figure: 78.40 % top-1 on ImageNet (He et al., 2018, arXiv:1812.01187, table 6); not measured here.

    kerastricks train imagenet/ --recipe inception_v3/smoothing --model InceptionV3 --image-size 342
"""

import dataclasses

from kerastricks import tricks
from kerastricks.recipes.inception_v3.cosine import recipe as cosine

recipe = dataclasses.replace(cosine, tricks=(*cosine.tricks, tricks.LabelSmoothing(0.1)))
