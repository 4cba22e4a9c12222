"""A teacher's predictions as targets beside the labels."""

import dataclasses
import functools
import warnings
from pathlib import Path
from typing import Any

import keras
from keras import ops

from kerastricks.models import archive
from kerastricks.models.graph import has_graph
from kerastricks.models.heads import class_count, gives_logits, to_logits
from kerastricks.training.trick import Trick


def distillation(r, z, T):
    """Returns T² ℓ(softmax(r / T), softmax(z / T)) per sample: ℓ the cross-entropy, r the teacher's logits."""
    p = ops.softmax(ops.cast(r, "float32") / T, axis=-1)
    return -(T**2) * ops.sum(p * ops.log_softmax(ops.cast(z, "float32") / T, axis=-1), axis=-1)


@dataclasses.dataclass(frozen=True, eq=False)
class Distillation(Trick):
    """Trains on a teacher's softened predictions as well as on the labels (Hinton et al., 2015).

        loss(p, z) + weight * T**2 * crossentropy(softmax(r / T), softmax(z / T))

    r are the logits of the teacher in inference mode, on the same mixed and augmented images; z those of the student.
    Label smoothing, mixing, regularizers and sample weights apply as without it. Only the student is trained, evaluated
    and saved.

    Args:
        teacher: A functional or Sequential Keras classifier, of which a frozen copy is made, or the path of a `.keras`
            file. It takes the same pixels as the student and ends in logits or a softmax.
        temperature: T, positive.
        weight: Weight of the teacher's term relative to the loss on the labels, positive.

    Raises:
        ValueError: If a number is out of its range, the file is missing, or the teacher's images or classes are not
            those of the student.

    Reference: arXiv:1503.02531; He et al., 2018, arXiv:1812.01187, section 5.3.
    """

    teacher: Any
    temperature: float = 20.0
    weight: float = 1.0

    def __post_init__(self):
        for name in ("temperature", "weight"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"`{name}` must be positive. Received: {name}={getattr(self, name)}")

    def __eq__(self, other):
        if not isinstance(other, Distillation):
            return NotImplemented
        same = self.teacher is other.teacher or self.teacher == other.teacher
        return same and (self.temperature, self.weight) == (other.temperature, other.weight)

    @functools.cached_property
    def frozen(self) -> Any:
        """The teacher, without trainable weights; the user's own model is unchanged."""
        if isinstance(self.teacher, str | Path):
            archive.refuse_format(self.teacher)
            if not Path(self.teacher).is_file():
                raise ValueError(
                    f"There is no teacher {self.teacher}. Train one with `kerastricks train` and pass its model.keras."
                )
            teacher = archive.load(self.teacher)
        elif has_graph(self.teacher):
            teacher = keras.models.clone_model(self.teacher)
            teacher.set_weights(self.teacher.get_weights())
        else:
            raise ValueError(
                "The teacher must be a functional or Sequential model, or a .keras file. "
                f"Received: {type(self.teacher).__name__}. Its graph must tell logits from probabilities."
            )
        teacher.trainable = False
        return teacher

    def check(self, setup):
        model = setup.model
        teacher = self.frozen
        if class_count(teacher) != class_count(model):
            raise ValueError(
                "The teacher must have as many classes as the student. Received: a teacher of "
                f"{class_count(teacher)} classes and a student of {class_count(model)}."
            )
        if has_graph(model) and has_graph(teacher) and not _fits(teacher.input_shape, model.input_shape):
            raise ValueError(
                "The teacher must take images of the same shape as the student. Received: a teacher of images "
                f"{teacher.input_shape[1:]} and a student of {model.input_shape[1:]}."
            )
        gives_logits(teacher)  # raises where that is ambiguous
        if "resnet" in teacher.name.lower() and "resnet" not in model.name.lower():
            warnings.warn(
                f"The teacher is a ResNet ('{teacher.name}') and the student is not ('{model.name}'): in the paper "
                "that lowered the accuracy of Inception-V3 and MobileNet. A teacher of the student's family may do "
                "better.",
                stacklevel=2,
            )

    def auxiliary(self, model, plan):
        return _Distillation(self.frozen, self.temperature, self.weight)


class _Distillation(keras.layers.Layer):
    """The teacher's term of the loss, per sample."""

    def __init__(self, teacher: Any, temperature: float, weight: float):
        super().__init__(dtype="float32", trainable=False, name="distillation")
        self.teacher, self.temperature, self.weight = teacher, temperature, weight
        self.teacher_gives_logits = gives_logits(teacher)
        self.built = True

    def call(self, images, targets, logits):
        scores = ops.stop_gradient(self.teacher(images, training=False))
        r = to_logits(scores, self.teacher_gives_logits)
        return self.weight * distillation(r, logits, self.temperature)


def _fits(teacher: tuple, student: tuple) -> bool:
    return all(None in pair or pair[0] == pair[1] for pair in zip(teacher, student, strict=True))
