"""A Keras model around the user's that applies the batch tricks on the device, in the compiled training step."""

import contextlib
import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.models.graph import has_graph
from kerastricks.models.heads import gives_logits, to_logits
from kerastricks.models.torch_direct import Direct
from kerastricks.optimizers.sgd import batches_done, plain_optimizer
from kerastricks.training.averages import Averages
from kerastricks.training.checks import check_labels
from kerastricks.training.compilation import accuracies, jit_compile
from kerastricks.training.devices.one import Devices
from kerastricks.training.evaluation import EvaluationBatches, ValidationBatches
from kerastricks.training.one_hot import for_integers
from kerastricks.training.shell import Shell
from kerastricks.training.sources import DataSet, whole_numbers
from kerastricks.training.trick import DRAWS, Plan, Trick, overrides


class Engine(Shell):
    """Trains `network` on images and labels that the tricks have changed, and evaluates it on clean ones.

    Inputs are images, or in training `{"images": ..., "<trick>/<draw>": ...}`. Images are cast to float32 and never
    rescaled; integer labels become distributions over the classes.

    Args:
        network: The user's model; its weights are trained in place.
        tricks: Tricks whose hooks run in each step, in this order.
        classes: Number of classes.
        auxiliaries: Layers for auxiliary losses; see `Trick.auxiliary`.
        averages: Averages of the network's weights, or None.
        learning_rate: A number or a schedule over batches, for plots and logs; see `rate_at`.
        plan: The plan of the run.
        devices: What it runs on.
    """

    def __init__(
        self,
        network: Any,
        tricks: Sequence[Trick],
        classes: int,
        *,
        auxiliaries: Sequence[Any] = (),
        averages: Averages | None = None,
        learning_rate: Any = None,
        plan: Plan | None = None,
        devices: Devices | None = None,
    ):
        super().__init__(network, name="engine")
        self.devices = devices or Devices()
        self.direct = Direct(network, any(trick.resizes for trick in tricks))
        self.classes = classes
        self.tricks = tuple(tricks)
        self.auxiliaries = list(auxiliaries)
        self.averages = averages
        self.average_variables = averages.variables if averages else []  # Keras tracks lists of variables
        self.learning_rate = learning_rate
        self.plan = plan
        self.stages: dict[int, list[Callable[[], None]]] = {}  # see `Trick.stages`
        self.obey: Callable[[], Any] = bool  # raises where a signal asks the run to stop
        self.notes: list[str] = []  # what a report of the run is to say
        self.stage = 0  # the epoch whose stage is the last that it entered
        self.compile_anew: Callable[..., None] = lambda start: None
        self.begun = 0  # batches of the run before the optimizer's first
        self.rate_factor = 1.0  # of the learning rate, where the run went back for its loss was no number
        self.built = True

    def rate_at(self, step: int) -> float:
        """Returns the learning rate of the batch at `step`; without a schedule, the optimizer's current one."""
        if callable(self.learning_rate):
            return self.rate_factor * float(self.learning_rate(step))
        return float(ops.convert_to_numpy(self.optimizer.learning_rate))

    def _with(self, hook: str) -> list[Trick]:
        return [trick for trick in self.tricks if overrides(trick, hook)]

    def call(self, inputs, training=None):
        images = ops.cast(inputs["images"] if isinstance(inputs, dict) else inputs, "float32")
        images = self.devices.split(images)
        return self.direct(images if training else self.prepare(images), training=training)

    def prepare(self, images: Any) -> Any:
        """Returns float32 images as the network sees them outside training."""
        for trick in self._with("evaluation"):
            images = trick.evaluation(images)
        return images

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
        images, targets = self.devices.split(ops.cast(inputs["images"], "float32")), self.targets(labels)
        for trick in self._with("batch"):
            prefix = f"{trick.name}/"
            draws = {name.removeprefix(prefix): value for name, value in inputs.items() if name.startswith(prefix)}
            if draws or not overrides(trick, *DRAWS):  # Keras' own `fit` brings no draws
                images, targets = self.devices.mix(trick, images, targets, draws)
        return images, targets

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):  # Keras' own name
        first = None if iterator is None else self.devices.first(iterator)
        return super()._maybe_symbolic_build(*(iterator, data_batch) if first is None else (None, first))

    def make_train_function(self, force=False):
        super().make_train_function(force)
        self.train_function = self.devices.told(self, self.train_function)

    def train_step(self, *state_and_data):
        *state, data = state_and_data
        inputs, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        targets = own = self.targets(labels)
        if sample_weight is not None:  # it travels with the targets, so that tricks that mix them mix the weights
            targets = targets * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        images, targets = self.transform(inputs, targets)
        if sample_weight is not None:
            sample_weight = ops.sum(targets, axis=-1)
            some = ops.expand_dims(sample_weight, -1)
            # A sample of weight 0 has no target left: its own counts in the accuracy, as in Keras.
            targets = ops.where(some > 0, targets / ops.where(some > 0, some, 1.0), own)
        result = super().train_step(*state, (images, targets, sample_weight))
        if not state:
            if self.averages is not None:
                self._update_averages()
            return result
        logs, values = result
        return logs, self.devices.pin(values if self.averages is None else self._averaged(values))

    def _averaged(self, values: tuple) -> tuple:
        """Takes and returns the values of all variables on JAX, those of the averages updated from the new others."""
        trainable, non_trainable, optimizer, metrics = values
        groups = (
            (self.trainable_variables, trainable),
            (self.non_trainable_variables, non_trainable),
            (self.optimizer.variables, optimizer),
        )
        pairs = [pair for variables, group in groups for pair in zip(variables, group, strict=True)]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            self._update_averages()
        non_trainable = [scope.get_current_value(variable) for variable in self.non_trainable_variables]
        return trainable, non_trainable, optimizer, metrics

    def _update_averages(self) -> None:
        assert self.averages is not None
        optimizer: Any = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        accumulation = self.plan.accumulation if self.plan else 1
        self.averages.update(optimizer.iterations + self.begun // accumulation)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        targets = self.targets(y)
        loss = super().compute_loss(x, targets, y_pred, sample_weight, training)
        for auxiliary in self.auxiliaries if training else ():
            added = auxiliary(x, targets, to_logits(y_pred, self.from_logits))
            if sample_weight is not None:
                added = added * ops.reshape(ops.cast(sample_weight, added.dtype), (-1,))
            loss = loss + ops.mean(added) / self.devices.replicas
        return loss

    @property
    def losses(self):
        return [ops.cast(loss, "float32") for loss in super().losses]  # activity regularizers may give low precision

    @functools.cached_property
    def from_logits(self) -> bool:
        """Whether the network ends in logits, and not in probabilities."""
        return gives_logits(self.network) if has_graph(self.network) else getattr(self.loss, "from_logits", False)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, self.targets(y), y_pred, sample_weight)

    def averaged(self) -> contextlib.AbstractContextManager:
        """Returns a context in which the network holds the averaged weights, for `evaluate`, `predict` or `save`.

        Raises:
            ValueError: If no trick averages the weights.
        """
        if self.averages is None:
            raise ValueError("No weights are averaged: the recipe has no trick that averages them, such as `kt.EMA()`.")
        return self.averages.swapped()

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, **settings):
        """Keras' own; with averaged weights, a dictionary also holds their `averaged_loss`, `averaged_accuracy`, …

        The labels of a data set are checked batch by batch.
        """
        callbacks, return_dict = settings.pop("callbacks", None), settings.pop("return_dict", False)
        if y is not None:
            check_labels(whole_numbers(np.asarray(y)), self.classes, "y")
        elif not isinstance(x, EvaluationBatches | ValidationBatches):
            x = ValidationBatches(DataSet(x, "x"), self.classes, self.devices)
        settings = {"y": y, "batch_size": batch_size, "sample_weight": sample_weight, "steps": steps}
        result = self._evaluate(x, **settings, verbose=verbose, callbacks=callbacks, return_dict=return_dict)
        if self.averages is None or not return_dict:
            return result
        watch = keras.callbacks.LambdaCallback(on_test_batch_begin=lambda batch, logs: self.obey())
        with self.averaged():
            averaged = self._evaluate(x, **settings, verbose=0, return_dict=True, callbacks=[watch])
        return {**result, **{f"averaged_{name}": value for name, value in averaged.items()}}

    def _evaluate(self, x, **settings):
        try:
            if isinstance(x, EvaluationBatches | ValidationBatches) and self.devices.count > 1:
                self.devices.put(self)
                fed = self.devices.feed(x, x.generate, evaluation=True)
                if fed is not x:
                    return super().evaluate(fed, **settings)
            if not isinstance(x, ValidationBatches):
                return super().evaluate(x, **settings)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Your input ran out of data", UserWarning)
                return super().evaluate(x.generate(), **{**settings, "steps": settings["steps"] or x.count})
        except BaseException as error:
            if keras.backend.backend() == "jax":
                getattr(self, "jax_state_sync", bool)()  # or the variables are left without values
            if isinstance(x, ValidationBatches) and x.failure is not None:
                raise x.failure from error  # the backend's own error says less
            raise

    def compile_network(self, integer_labels: bool) -> None:
        """Compiles the network by itself, with the loss of the run, accuracies and an optimizer of Keras' own.

        Args:
            integer_labels: Whether its labels will be integers, and not one-hot rows.
        """
        loss = for_integers(self.loss, self.classes) if integer_labels else self.loss
        rate = self.rate_at(max(0, self.begun + batches_done(self.optimizer) - 1))
        optimizer = plain_optimizer(getattr(self.optimizer, "inner_optimizer", self.optimizer), rate)
        optimizer.build(self.network.trainable_variables)  # or a file of the network could not be loaded
        self.network.compile(
            optimizer, loss, metrics=accuracies(self.classes, integer_labels), jit_compile=jit_compile()
        )
