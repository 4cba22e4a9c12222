"""From what users hand to `Recipe.fit` to a plan and batches."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kerastricks.data.pixels import Subset
from kerastricks.models.graph import all_layers, has_graph
from kerastricks.optimizers.sgd import batches_done
from kerastricks.training.batches import DataSetBatches, TrainingBatches, class_weights
from kerastricks.training.checks import check_class_weight, check_labels
from kerastricks.training.devices.one import Devices
from kerastricks.training.evaluation import EvaluationBatches, ValidationBatches
from kerastricks.training.sources import Batch, DataSet, as_arrays
from kerastricks.training.trick import Plan, Trick, overrides

LEARNED, PARTED = 0.75, 0.4  # training accuracy, and its lead over validation, that are worth a warning


class Source:
    """The training data of a run: arrays or a data set, and the validation data.

    Args: see `kerastricks.Recipe.fit`.

    Raises:
        ValueError: If they do not fit together.
    """

    def __init__(
        self,
        train: Any,
        validation_data: Any,
        validation_split: float,
        sample_weight: Any,
        class_weight: Mapping | None,
    ):
        self.arrays = as_arrays(train, "train", sample_weight)
        self.dataset = DataSet(train, "train") if self.arrays is None else None
        self.validation_data, self.class_weight = validation_data, class_weight
        if self.arrays is None and sample_weight is not None:
            raise ValueError(
                "`sample_weight` goes with arrays. Let the data set yield `(images, labels, sample_weight)`."
            )
        if validation_split:
            self._split(validation_split)
        first = self._first()
        self.images, self._first_labels = np.asarray(first.images), first.labels

    def _split(self, fraction: float) -> None:
        if self.arrays is None or self.validation_data is not None:
            raise ValueError(
                "`validation_split` takes validation images from the end of arrays, in place of `validation_data`. "
                f"Received: validation_split={fraction} and "
                + ("a data set. Split the data set." if self.arrays is None else "`validation_data`. Pass one of them.")
            )
        if not 0 < fraction < 1:
            raise ValueError(f"`validation_split` must lie in (0, 1). Received: validation_split={fraction}")
        images, labels, weights = self.arrays
        count = math.floor(len(labels) * (1 - fraction))
        if not 0 < count < len(labels):
            raise ValueError(
                "`validation_split` must leave an image on either side. "
                f"Received: validation_split={fraction} of {len(labels)} images"
            )
        sides = [
            Batch(_part(images, side), labels[side], None if weights is None else weights[side])
            for side in (slice(0, count), slice(count, len(labels)))
        ]
        self.arrays, self.validation_data = sides[0], tuple(part for part in sides[1] if part is not None)

    def _first(self) -> Batch:
        if self.arrays is None:
            assert self.dataset is not None
            return self.dataset.first()
        count = len(self.arrays.labels)
        some = np.unique(np.linspace(0, count - 1, min(64, count)).astype(int))  # from all over the data
        return Batch(self.arrays.images[some], self.arrays.labels[some])

    def check(self, classes: int, tricks: Sequence[Trick] = ()) -> None:
        """Raises a `ValueError` if labels or class weights do not fit a model of `classes`.

        So it does where one of `tricks` goes by the index of each image, and there are none.
        """
        for trick in tricks:
            if self.dataset is not None and overrides(trick, "order", "draw_for"):
                raise ValueError(
                    f"{trick.name} goes by the index of each image, and a data set has an order of its own. "
                    f"Received: {type(self.dataset.dataset).__name__}. Pass `(images, labels)`, or leave {trick.name} "
                    "out."
                )
        check_labels(self._first_labels if self.arrays is None else self.arrays.labels, classes, "train")
        check_class_weight(self.class_weight, classes)
        held_out = None if self.validation_data is None else as_arrays(self.validation_data, "validation_data")
        if held_out is not None:
            check_labels(held_out.labels, classes, "validation_data")

    def plan(self, epochs: int, batch_size: int | None, default: int, seed: int, steps: int | None) -> Plan:
        """Returns the plan of the run.

        Args:
            epochs: Passes.
            batch_size: Images per batch that were asked for, or None.
            default: Images per batch otherwise, for arrays.
            seed: Seed.
            steps: Batches per epoch that were asked for, or None.

        Raises:
            ValueError: If a number does not fit.
        """
        if self.arrays is not None:
            size = default if batch_size is None else batch_size
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"`batch_size` must be an integer of at least 1. Received: batch_size={size!r}")
            most = math.ceil(len(self.arrays.labels) / size)
            if steps is not None and not 1 <= steps <= most:
                raise ValueError(
                    f"`steps_per_epoch` must lie in [1, {most}]: {len(self.arrays.labels)} images make {most} batches "
                    f"of {size}. Received: steps_per_epoch={steps}. Train for more epochs instead."
                )
            return Plan(epochs, most if steps is None else steps, size, seed)
        assert self.dataset is not None
        if batch_size is not None:
            raise ValueError(
                f"`batch_size` is the data set's own. Received: batch_size={batch_size} and a "
                f"{type(self.dataset.dataset).__name__}. Batch the data set, or pass `(images, labels)`."
            )
        length = self.dataset.length if steps is None else steps
        if length is None or length == math.inf:
            raise ValueError(
                f"The data set must know its length: the learning rate depends on the number of steps. Received: "
                f"{type(self.dataset.dataset).__name__} without one. Pass `steps_per_epoch`, a finite data set, or "
                "`(images, labels)`."
            )
        return Plan(epochs, int(length), len(self.images), seed)

    def training(
        self, plan: Plan, tricks: Any, classes: int, devices: Devices | None = None
    ) -> TrainingBatches | DataSetBatches:
        """Returns the training batches, for the devices of the run."""
        if self.arrays is None:
            assert self.dataset is not None
            return DataSetBatches(self.dataset, plan, tricks, classes, self.class_weight, devices)
        images, labels, weights = self.arrays
        weights = class_weights(labels, weights, self.class_weight)
        return TrainingBatches(images, labels, plan, tricks, weights=weights, devices=devices)

    def validation(
        self, batch_size: int, classes: int, devices: Devices | None = None
    ) -> EvaluationBatches | ValidationBatches | None:
        """Returns the validation batches, for the devices of the run, or None if there is no validation data."""
        if self.validation_data is None:
            return None
        arrays = as_arrays(self.validation_data, "validation_data")
        if arrays is None:
            return ValidationBatches(DataSet(self.validation_data, "validation_data"), classes, devices)
        return EvaluationBatches(arrays.images, arrays.labels, batch_size, arrays.weights, devices)

    @property
    def integer_labels(self) -> bool:
        """Whether the labels are integers, and not rows."""
        labels = self._first_labels
        return labels.ndim == 1 or labels.shape[1] == 1


def _part(images: Any, side: slice) -> Any:
    return images[side] if isinstance(images, np.ndarray) else Subset(images, np.arange(side.start, side.stop))


class Begin(keras.callbacks.Callback):
    """Lets batches and averages begin at the optimizer's step, also where another callback has restored it.

    Args:
        batches: Training batches.
        plan: The plan of the run.
        resumed: Whether the run goes on from a checkpoint, which knows where it begins: updates that a loss scale has
            skipped are not counted.
    """

    def __init__(self, batches: TrainingBatches | DataSetBatches, plan: Plan, resumed: bool = False):
        super().__init__()
        self._batches, self._plan, self._resumed = batches, plan, resumed

    def on_train_begin(self, logs=None):
        if self._resumed:
            return
        begun, since = self.model.begun, batches_done(self.model.optimizer)
        self._batches.start = begun + since
        if begun + since and self.model.averages is not None:
            self.model.averages.begin(begun // self._plan.accumulation + since // self._plan.accumulation)


def check_lengths(plan: Plan, initial_epoch: int, steps_per_execution: int) -> None:
    """Raises a `ValueError` if a run begins after its end, or executions of several steps do not fill an epoch."""
    if plan.steps_per_epoch % steps_per_execution:
        raise ValueError(
            "`steps_per_execution` must divide the steps of an epoch, or Keras runs past its end. Received: "
            f"steps_per_execution={steps_per_execution} and {plan.steps_per_epoch} steps per epoch"
        )
    if not 0 <= initial_epoch < plan.epochs:
        raise ValueError(
            f"`initial_epoch` must lie in [0, {plan.epochs - 1}]: the run has {plan.epochs} epochs. "
            f"Received: initial_epoch={initial_epoch}"
        )


def check_backup(callbacks: Sequence[Any], stages: Mapping) -> None:
    """Raises a `ValueError` for a `BackupAndRestore` that would go on at the wrong batch."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.BackupAndRestore) and (stages or callback.save_freq != "epoch"):
            raise ValueError(
                "BackupAndRestore goes on at the beginning of an epoch alone, and knows no stages, as those of Freeze "
                "and ProgressiveResizing. Pass `checkpoint=` with a directory in its place, which goes on at any batch."
            )


def listed(given: Any) -> list:
    """Returns what Keras takes as None, one thing or several, as a list."""
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def warn_if_statistics_lag(model: Any, history: Mapping[str, list], batches: int) -> None:
    """Warns where training and validation accuracy part because BatchNormalization's moving statistics lag behind."""
    train, validation = (history.get(name, [None])[-1] for name in ("accuracy", "val_accuracy"))
    if train is None or validation is None or train < LEARNED or train - validation < PARTED or not has_graph(model):
        return
    momenta = [layer.momentum for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]
    left = max(momenta, default=0.0) ** batches
    if left > 0.05:
        warnings.warn(
            f"Training accuracy is {train:.1%}, validation accuracy {validation:.1%}: the moving statistics of "
            f"BatchNormalization have momentum {max(momenta):g}, and after {batches} steps they still hold {left:.0%} "
            "of their initial values. Put `kt.BatchNormMomentum()` into the recipe.",
            stacklevel=3,
        )
