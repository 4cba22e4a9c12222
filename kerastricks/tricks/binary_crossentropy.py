"""Each class as its own binary classification."""

import dataclasses

import keras

from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class BinaryCrossentropy(Trick):
    """Trains each class as its own yes-or-no question: binary cross-entropy in place of categorical.

    The loss is Keras' own `BinaryCrossentropy`: the mean over the classes of the cross-entropy between the target
    and the sigmoid of the logit. It suits targets that hold several classes, such as those of mixup.

    Raises:
        ValueError: If the model ends in a softmax; the loss needs logits.

    Reference: Wightman et al., 2021, "ResNet strikes back", arXiv:2110.00476.
    """

    @property
    def claims(self):
        return ("loss",)

    def check(self, setup):
        if not getattr(setup.loss, "from_logits", False):
            raise ValueError(
                "BinaryCrossentropy needs a model that ends in logits, one score per class. "
                f"Received: a model trained with {type(setup.loss).__name__}(from_logits=False). "
                "Build the model with `classifier_activation=None`, or leave BinaryCrossentropy out."
            )

    def loss(self, loss, plan):
        return keras.losses.BinaryCrossentropy(from_logits=True, name=loss.name)
