"""The bag of tricks for training image classifiers in Keras 3, on JAX, TensorFlow and PyTorch alike.

Each name is loaded when it is first used: importing the package imports no Keras.
"""

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # read by type checkers, and by `_places`
    from kerastricks.commands.ablation.ablate import ablate as ablate
    from kerastricks.commands.doctor import doctor as doctor
    from kerastricks.commands.lr_find import lr_find as lr_find
    from kerastricks.diagnosis.finding import Finding as Finding
    from kerastricks.optimizers.lamb import Lamb as Lamb
    from kerastricks.optimizers.muon import Muon as Muon
    from kerastricks.optimizers.sgd import SGD as SGD
    from kerastricks.optimizers.sgd import AdamW as AdamW
    from kerastricks.optimizers.sgd import decay_report as decay_report
    from kerastricks.optimizers.tutorial import WarmUpCosineDecayScheduler as WarmUpCosineDecayScheduler
    from kerastricks.optimizers.tutorial import WarmUpLearningRateScheduler as WarmUpLearningRateScheduler
    from kerastricks.optimizers.tutorial import cosine_decay_with_warmup as cosine_decay_with_warmup
    from kerastricks.report.plots import plot_learning_rate as plot_learning_rate
    from kerastricks.training.callbacks.learning_rate import LearningRateRecorder as LearningRateRecorder
    from kerastricks.training.checkpoints import Checkpoint as Checkpoint
    from kerastricks.training.divergence import Diverged as Diverged
    from kerastricks.training.recipe import Recipe as Recipe
    from kerastricks.training.trick import Plan as Plan
    from kerastricks.training.trick import Trick as Trick
    from kerastricks.tricks import *  # noqa: F403 - the bag lists its own names
    from kerastricks.tricks.color_jitter import color_jitter as color_jitter
    from kerastricks.tricks.cutmix import cutmix as cutmix
    from kerastricks.tricks.freeze import freeze as freeze
    from kerastricks.tricks.hold import HoldSchedule as HoldSchedule
    from kerastricks.tricks.label_smoothing import smooth_labels as smooth_labels
    from kerastricks.tricks.layer_decay import layer_rates as layer_rates
    from kerastricks.tricks.linear_scaling import scale_learning_rate as scale_learning_rate
    from kerastricks.tricks.mixup import mixup as mixup
    from kerastricks.tricks.pca_noise import pca_noise as pca_noise
    from kerastricks.tricks.rand_augment import rand_augment as rand_augment
    from kerastricks.tricks.random_crop import random_crop as random_crop
    from kerastricks.tricks.random_erasing import random_erasing as random_erasing
    from kerastricks.tricks.random_flip import random_flip as random_flip
    from kerastricks.tricks.random_resized_crop import random_resized_crop as random_resized_crop
    from kerastricks.tricks.stochastic_depth import stochastic_depth as stochastic_depth
    from kerastricks.tricks.warmup import WarmupSchedule as WarmupSchedule
    from kerastricks.tricks.zero_gamma import zero_gamma as zero_gamma


def _places() -> dict[str, str]:
    """Returns the module of each public name, from the imports of this file and of the bag."""
    found: dict[str, str] = {}
    for path in (Path(__file__), Path(__file__).with_name("tricks") / "__init__.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kerastricks."):
                found |= {alias.name: str(node.module) for alias in node.names if alias.name != "*"}
    return found


if not TYPE_CHECKING:
    _PLACES = _places()
    __all__ = sorted([*_PLACES, "data", "models", "recipes"])

    def __getattr__(name):
        if name in _PLACES:
            value = getattr(importlib.import_module(_PLACES[name]), name)
        elif name in __all__:
            value = importlib.import_module(f"{__name__}.{name}")
        elif name == "__version__":
            value = importlib.import_module("importlib.metadata").version(__name__)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__, "__version__"})
