"""The bag of tricks for training image classifiers in Keras 3, on JAX, TensorFlow and PyTorch alike."""

from importlib.metadata import version

from kerastricks import models
from kerastricks.optimizers import SGD
from kerastricks.recipe import Recipe
from kerastricks.trick import Plan, Trick
from kerastricks.tricks import *  # noqa: F403 - the bag lists its own names
from kerastricks.tricks import __all__ as _tricks
from kerastricks.tricks.label_smoothing import smooth_labels
from kerastricks.tricks.linear_scaling import scale_learning_rate
from kerastricks.tricks.mixup import mixup
from kerastricks.tricks.warmup import WarmupSchedule
from kerastricks.tricks.zero_gamma import zero_gamma

__version__ = version("kerastricks")
__all__ = [
    "SGD",
    "Plan",
    "Recipe",
    "Trick",
    "WarmupSchedule",
    "mixup",
    "models",
    "scale_learning_rate",
    "smooth_labels",
    "zero_gamma",
    *_tricks,
]
