"""The bag of tricks for training image classifiers in Keras 3, on JAX, TensorFlow and PyTorch alike."""

from importlib.metadata import version

from kerastricks import data, models
from kerastricks.callbacks import (
    LearningRateRecorder,
    WarmUpCosineDecayScheduler,
    WarmUpLearningRateScheduler,
    cosine_decay_with_warmup,
)
from kerastricks.commands.ablate import ablate
from kerastricks.optimizers import SGD, AdamW, decay_report
from kerastricks.recipe import Recipe
from kerastricks.report.plots import plot_learning_rate
from kerastricks.trick import Plan, Trick
from kerastricks.tricks import *  # noqa: F403 - the bag lists its own names
from kerastricks.tricks import __all__ as _tricks
from kerastricks.tricks.color_jitter import color_jitter
from kerastricks.tricks.cutmix import cutmix
from kerastricks.tricks.hold import HoldSchedule
from kerastricks.tricks.label_smoothing import smooth_labels
from kerastricks.tricks.linear_scaling import scale_learning_rate
from kerastricks.tricks.mixup import mixup
from kerastricks.tricks.pca_noise import pca_noise
from kerastricks.tricks.rand_augment import rand_augment
from kerastricks.tricks.random_crop import random_crop
from kerastricks.tricks.random_erasing import random_erasing
from kerastricks.tricks.random_flip import random_flip
from kerastricks.tricks.random_resized_crop import random_resized_crop
from kerastricks.tricks.warmup import WarmupSchedule
from kerastricks.tricks.zero_gamma import zero_gamma

__version__ = version("kerastricks")
__all__ = [
    "SGD",
    "AdamW",
    "HoldSchedule",
    "LearningRateRecorder",
    "Plan",
    "Recipe",
    "Trick",
    "WarmUpCosineDecayScheduler",
    "WarmUpLearningRateScheduler",
    "WarmupSchedule",
    "ablate",
    "color_jitter",
    "pca_noise",
    "rand_augment",
    "random_erasing",
    "random_resized_crop",
    "cosine_decay_with_warmup",
    "cutmix",
    "data",
    "decay_report",
    "mixup",
    "models",
    "plot_learning_rate",
    "random_crop",
    "random_flip",
    "scale_learning_rate",
    "smooth_labels",
    "zero_gamma",
    *_tricks,
]
