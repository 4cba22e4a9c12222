"""The bag: one file a trick. A trick never imports a sibling, nor anything above this floor."""

from kerastricks.tricks.binary_crossentropy import BinaryCrossentropy
from kerastricks.tricks.color_jitter import ColorJitter
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
from kerastricks.tricks.pca_noise import PCANoise
from kerastricks.tricks.polynomial_decay import PolynomialDecay
from kerastricks.tricks.rand_augment import RandAugment
from kerastricks.tricks.random_choice import RandomChoice
from kerastricks.tricks.random_crop import RandomCrop
from kerastricks.tricks.random_erasing import RandomErasing
from kerastricks.tricks.random_flip import RandomFlip
from kerastricks.tricks.random_resized_crop import RandomResizedCrop
from kerastricks.tricks.step_decay import StepDecay
from kerastricks.tricks.trivial_augment import TrivialAugment
from kerastricks.tricks.warmup import Warmup
from kerastricks.tricks.zero_gamma import ZeroGamma

__all__ = [
    "EMA",
    "BinaryCrossentropy",
    "ColorJitter",
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
    "PCANoise",
    "PolynomialDecay",
    "RandAugment",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomResizedCrop",
    "StepDecay",
    "TrivialAugment",
    "Warmup",
    "ZeroGamma",
]
