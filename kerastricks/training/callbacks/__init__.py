"""Keras callbacks that any training can use."""

from kerastricks.training.callbacks.clock import Clock as Clock
from kerastricks.training.callbacks.data_wait import DataWait as DataWait
from kerastricks.training.callbacks.learning_rate import LearningRateLog as LearningRateLog
from kerastricks.training.callbacks.learning_rate import LearningRateRecorder as LearningRateRecorder
from kerastricks.training.callbacks.tensorboard import TensorBoard as TensorBoard
