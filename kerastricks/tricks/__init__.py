"""The bag: one file a trick. A trick never imports a sibling, nor anything above this floor."""

from kerastricks.tricks.binary_crossentropy import BinaryCrossentropy
from kerastricks.tricks.cosine_decay import CosineDecay
from kerastricks.tricks.cutmix import CutMix
from kerastricks.tricks.distillation import Distillation
from kerastricks.tricks.early_stopping import EarlyStopping
from kerastricks.tricks.efficient import Efficient
from kerastricks.tricks.ema import EMA
from kerastricks.tricks.gradient_accumulation import GradientAccumulation
from kerastricks.tricks.gradient_clipping import GradientClipping
from kerastricks.tricks.hold import Hold
from kerastricks.tricks.label_smoothing import LabelSmoothing
from kerastricks.tricks.linear_scaling import LinearScaling
from kerastricks.tricks.low_precision import LowPrecision
from kerastricks.tricks.mixup import MixUp
from kerastricks.tricks.no_bias_decay import NoBiasDecay
from kerastricks.tricks.polynomial_decay import PolynomialDecay
from kerastricks.tricks.random_choice import RandomChoice
from kerastricks.tricks.random_crop import RandomCrop
from kerastricks.tricks.random_flip import RandomFlip
from kerastricks.tricks.step_decay import StepDecay
from kerastricks.tricks.warmup import Warmup
from kerastricks.tricks.zero_gamma import ZeroGamma

__all__ = [
    "EMA",
    "BinaryCrossentropy",
    "CosineDecay",
    "CutMix",
    "Distillation",
    "EarlyStopping",
    "Efficient",
    "GradientAccumulation",
    "GradientClipping",
    "Hold",
    "LabelSmoothing",
    "LinearScaling",
    "LowPrecision",
    "MixUp",
    "NoBiasDecay",
    "PolynomialDecay",
    "RandomChoice",
    "RandomCrop",
    "RandomFlip",
    "StepDecay",
    "Warmup",
    "ZeroGamma",
]
