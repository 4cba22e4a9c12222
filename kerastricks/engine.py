"""A Keras model around the user's that applies the batch tricks on the device, in the compiled training step."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.trick import Trick, overrides


class Engine(keras.Model):
    """Trains `network` on images and labels that the tricks have changed, and evaluates it on clean ones.

    Inputs are images, or in training `{"images": ..., "<trick>/<draw>": ...}`. Images are cast to float32 and never
    rescaled; integer labels become distributions over the classes.

    Args:
        network: The user's model; its weights are trained in place.
        tricks: Tricks whose `batch` hook runs in each training step, in this order.
        classes: Number of classes.
    """

    def __init__(self, network: Any, tricks: Sequence[Trick], classes: int):
        super().__init__(name="engine")
        self.network = network
        self.classes = classes
        self.tricks = tuple(trick for trick in tricks if overrides(trick, "batch"))

    def call(self, inputs, training=None):
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        return self.network(ops.cast(images, "float32"), training=training)

    def targets(self, labels: Any) -> Any:
        """Returns `labels` as float32 distributions over the classes."""
        if len(labels.shape) == 2 and labels.shape[-1] == self.classes:
            return ops.cast(labels, "float32")
        if len(labels.shape) == 2 and labels.shape[-1] == 1:
            labels = ops.squeeze(labels, -1)
        return ops.one_hot(ops.cast(labels, "int32"), self.classes, dtype="float32")

    def transform(self, inputs: Any, labels: Any) -> tuple[Any, Any]:
        """Returns the images and targets as the network sees them in training."""
        if not isinstance(inputs, dict):
            inputs = {"images": inputs}
        images, targets = ops.cast(inputs["images"], "float32"), self.targets(labels)
        for trick in self.tricks:
            prefix = f"{trick.name}/"
            draws = {name.removeprefix(prefix): value for name, value in inputs.items() if name.startswith(prefix)}
            images, targets = trick.batch(images, targets, **draws)
        return images, targets

    def train_step(self, *state_and_data):
        *state, data = state_and_data
        inputs, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        images, targets = self.transform(inputs, labels)
        return super().train_step(*state, (images, targets, sample_weight))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, self.targets(y), y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, self.targets(y), y_pred, sample_weight)


def metrics(classes: int) -> list:
    """Returns top-1 accuracy and, from ten classes on, top-5."""
    chosen: list = [keras.metrics.CategoricalAccuracy(name="accuracy")]
    if classes >= 10:
        chosen.append(keras.metrics.TopKCategoricalAccuracy(5, name="top_5_accuracy"))
    return chosen


def jit_compile() -> Any:
    """Returns the fastest setting of `compile(jit_compile=...)`: on TensorFlow, a CPU does better without XLA."""
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow

    return "auto" if tensorflow.config.list_physical_devices("GPU") else False
