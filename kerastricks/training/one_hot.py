"""A loss between distributions, for integer labels."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerastricks")
class OneHotLoss(keras.losses.Loss):
    """Gives `loss` one-hot rows in place of integer labels.

    Args:
        loss: A Keras loss between distributions and outputs, or a function.
        classes: Number of classes.
    """

    def __init__(self, loss: Any, classes: int, name: str = "loss"):
        super().__init__(name=name)
        self.loss, self.classes = loss, classes

    def call(self, y_true, y_pred):
        targets = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), self.classes)
        return (
            self.loss.call(targets, y_pred) if isinstance(self.loss, keras.losses.Loss) else self.loss(targets, y_pred)
        )

    def get_config(self):
        return {"loss": keras.saving.serialize_keras_object(self.loss), "classes": self.classes, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


def for_integers(loss: Any, classes: int) -> Any:
    """Returns a loss between distributions for integer labels: Keras' own sparse one where it is the same.

    Args:
        loss: As for `OneHotLoss`.
        classes: Likewise.
    """
    if type(loss) is keras.losses.CategoricalCrossentropy and not loss.label_smoothing and loss.axis == -1:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=loss.from_logits)
    return OneHotLoss(loss, classes)
