"""Keras callbacks that any training can use."""

from kerastricks.callbacks.clock import Clock
from kerastricks.callbacks.data_wait import DataWait
from kerastricks.callbacks.learning_rate import LearningRateLog, LearningRateRecorder, rate_at
from kerastricks.callbacks.tutorial import (
    WarmUpCosineDecayScheduler,
    WarmUpLearningRateScheduler,
    cosine_decay_with_warmup,
)

__all__ = [
    "Clock",
    "DataWait",
    "LearningRateLog",
    "LearningRateRecorder",
    "WarmUpCosineDecayScheduler",
    "WarmUpLearningRateScheduler",
    "cosine_decay_with_warmup",
    "rate_at",
]
