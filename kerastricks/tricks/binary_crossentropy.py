"""Each class as its own binary classification."""

import dataclasses

import keras
from keras import ops

from kerastricks.training.trick import Trick


def binarized(targets, threshold):
    """Returns 1 for each class that has more than `threshold` of a sample's target, and 0 for the others."""
    return ops.cast(targets > threshold, targets.dtype)


@keras.saving.register_keras_serializable("kerastricks")
class ThresholdedBinaryCrossentropy(keras.losses.BinaryCrossentropy):
    """Keras' binary cross-entropy of targets that are first made 1 or 0; see `binarized`.

    Args: as `keras.losses.BinaryCrossentropy`, and
        threshold: Share of a target above which it is 1.
    """

    def __init__(self, threshold: float, **settings):
        super().__init__(**settings)
        self.threshold = threshold

    def call(self, y_true, y_pred):
        return super().call(binarized(ops.convert_to_tensor(y_true), self.threshold), y_pred)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}


@dataclasses.dataclass(frozen=True)
class BinaryCrossentropy(Trick):
    """Trains each class as its own yes-or-no question: binary cross-entropy in place of categorical.

    The loss is Keras' own `BinaryCrossentropy`: the mean over the classes of the cross-entropy between the target
    and the sigmoid of the logit. It suits targets that hold several classes, such as those of mixup.

    Args:
        threshold: Share of a mixed target above which its class is wholly there, and below which it is not; at least
            0 and below 1. None leaves targets as they are. With class or sample weights the shares are weighted as the
            mixed targets are: of a mixed image, the class that weighs more passes sooner.

    Raises:
        ValueError: If the model ends in a softmax; the loss needs logits. Or if `threshold` is out of its range.

    Reference: Wightman et al., 2021, "ResNet strikes back", arXiv:2110.00476; the threshold is timm's.
    """

    threshold: float | None = None

    def __post_init__(self):
        if self.threshold is not None and not 0 <= self.threshold < 1:
            raise ValueError(f"`threshold` must lie in [0, 1), or be None. Received: threshold={self.threshold}")

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
        if self.threshold is not None:
            return ThresholdedBinaryCrossentropy(self.threshold, from_logits=True, name=loss.name)
        return keras.losses.BinaryCrossentropy(from_logits=True, name=loss.name)
