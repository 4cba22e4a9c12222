"""What the doctor looks at: a model, data, a history, and what is computed of them once for all checks."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.diagnosis import inside
from kerastricks.diagnosis.compiled import Loss, read
from kerastricks.diagnosis.norms import Norm, norms
from kerastricks.diagnosis.sample import Sample, numbers, sample
from kerastricks.models.graph import Graph, has_graph
from kerastricks.models.heads import class_count, gives_logits

_ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")


@dataclasses.dataclass
class Case:
    """What the doctor looks at; a part that is not there is None.

    Args:
        model: A built Keras model.
        data: Training data, as `Recipe.fit` takes it.
        validation_data: The same, for validation.
        history: Keras' `History`, or what its `history` is.
        epochs: Epochs of the run.
        batch_size: Images in a batch, of arrays.
        callbacks: Keras callbacks of the run.
        outputs_are: `logits`, `sigmoid` or `probabilities`, where neither graph nor loss tells.
        rates: Learning rates that a finder suggests, from the lowest to the highest.
        named_classes: The number of classes, where there is no model to tell it.
        engine: The `Engine` of a recipe around the model, which is compiled in its place.
        scaled: Whether the images are scaled as the model expects them; if not, it is asked nothing about them.
    """

    model: Any = None
    data: Any = None
    validation_data: Any = None
    history: Any = None
    epochs: int | None = None
    batch_size: int | None = None
    callbacks: Sequence[Any] = ()
    outputs_are: str | None = None
    rates: tuple[float, float] | None = None
    named_classes: int | None = None
    engine: Any = None
    scaled: bool = True
    unseen: list[str] = dataclasses.field(default_factory=list)

    @functools.cached_property
    def train(self) -> Sample | None:
        """A sample of the training data."""
        return self._sample(self.data, "data")

    @functools.cached_property
    def validation(self) -> Sample | None:
        """A sample of the validation data."""
        return self._sample(self.validation_data, "validation_data")

    def _sample(self, data: Any, name: str) -> Sample | None:
        if data is None:
            return None
        try:
            found = sample(data, name)
            if self.engine is None:
                return found
            images = ops.convert_to_numpy(self.engine.prepare(ops.convert_to_tensor(found.images)))
            return found._replace(images=images)
        except Exception as error:
            self.unseen.append(f"{name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
            return None

    @functools.cached_property
    def graph(self) -> bool:
        """Whether the model has a graph to read."""
        return self.model is not None and has_graph(self.model)

    @functools.cached_property
    def classes(self) -> int | None:
        """The number of outputs for an image, or None if the model is no classifier."""
        try:
            shape = self.model.output_shape if self.graph else (None, class_count(self.model))
        except Exception:
            return None
        return shape[-1] if isinstance(shape, tuple) and len(shape) == 2 and isinstance(shape[-1], int) else None

    @functools.cached_property
    def activation(self) -> str | None:
        """The last activation: `softmax`, `sigmoid`, `linear` for logits; None if the graph does not tell."""
        if not self.graph or len(self.model.outputs) != 1:
            return None
        graph = Graph(self.model)
        operation = graph.producer(graph.outputs[0]).operation
        while has_graph(operation):
            graph = Graph(operation)
            operation = graph.producer(graph.outputs[0]).operation
        if "sigmoid" in (type(operation).__name__.lower(), _name(operation)):
            return "sigmoid"
        try:
            return "linear" if gives_logits(self.model) else "softmax"
        except ValueError:
            return None

    @property
    def _trained(self) -> Any:
        return self.model if self.engine is None else self.engine

    @functools.cached_property
    def loss(self) -> Loss | None:
        """What the model is compiled with."""
        found = read(getattr(self._trained, "loss", None)) if getattr(self._trained, "compiled", False) else None
        return found if found is None or self.engine is None else found._replace(takes_both=True)

    @functools.cached_property
    def classifies(self) -> bool:
        """Whether the model tells classes apart that exclude each other, as far as its loss and its labels say."""
        rows = self.train is not None and self.train.labels.ndim == 2 and self.train.labels.shape[1] > 1
        several = rows and bool(np.any(np.abs(self.train.labels.sum(axis=1) - 1) > 1e-3))  # type: ignore[union-attr]
        regresses = getattr(self._trained, "compiled", False) and self.loss is None
        return self.classes is not None and not several and not regresses

    @functools.cached_property
    def optimizer(self) -> Any:
        """The optimizer of the model, without a loss scale around it."""
        optimizer = getattr(self._trained, "optimizer", None)
        return getattr(optimizer, "inner_optimizer", optimizer)

    @functools.cached_property
    def updates(self) -> int:
        """Updates that the optimizer has made."""
        iterations = getattr(self.optimizer, "iterations", None)
        return 0 if iterations is None else int(ops.convert_to_numpy(iterations))

    @functools.cached_property
    def curves(self) -> dict[str, list[float]]:
        """The history, a list for each metric."""
        history = getattr(self.history, "history", self.history)
        if not isinstance(history, Mapping):
            return {}
        return {str(name): [float(one) for one in values] for name, values in history.items() if _is_list(values)}

    def accuracies(self) -> tuple[list[float], list[float]]:
        """The training and the validation accuracy after each epoch."""
        name = next((name for name in _ACCURACIES if name in self.curves), "accuracy")
        return self.curves.get(name, []), self.curves.get(f"val_{name}", [])

    @functools.cached_property
    def steps_per_epoch(self) -> int | None:
        """Batches in an epoch, where that is known."""
        steps = (getattr(self.history, "params", None) or {}).get("steps")
        if steps is not None:
            return int(steps)
        if self.engine is not None and self.engine.plan is not None:
            return self.engine.plan.steps_per_epoch
        if self.train is None:
            return None
        if self.train.arrays is not None:
            return None if self.batch_size is None else -(-len(self.train.arrays.labels) // self.batch_size)
        try:
            dataset = self.train.dataset
            return dataset.num_batches if isinstance(dataset, keras.utils.PyDataset) else len(dataset)
        except (TypeError, NotImplementedError):
            return None

    @functools.cached_property
    def steps(self) -> int | None:
        """Batches in the run, where that is known."""
        plan = getattr(self.engine, "plan", None)
        epochs = self.epochs or (getattr(self.history, "params", None) or {}).get("epochs")
        epochs = epochs or (plan.epochs if plan else None)
        return None if epochs is None or self.steps_per_epoch is None else int(epochs) * self.steps_per_epoch

    @functools.cached_property
    def norms(self) -> list[Norm]:
        """The BatchNormalization layers of the model."""
        return norms(self.model) if self.graph else []

    def fits(self, part: Sample | None) -> bool:
        """Tells whether the model takes the images of a sample."""
        if part is None or self.model is None or self.classes is None or not self.scaled:
            return False
        shape = self.model.input_shape if self.graph else (None, *part.images.shape[1:])
        if not isinstance(shape, tuple) or len(shape) != part.images.ndim:
            return False
        return all(own in (None, given) for own, given in zip(shape[1:], part.images.shape[1:], strict=True))

    @functools.cached_property
    def answers(self) -> np.ndarray | None:
        """What the model says of the sample of the training images, (N, K)."""
        return self.ask(self.train)

    def ask(self, part: Sample | None, training: bool = False) -> np.ndarray | None:
        """Returns what the model says of a sample; None if it does not take it."""
        if part is None or not self.fits(part):
            return None
        return inside.outputs(self.model, part.images, training)

    def right(self, answers: np.ndarray, labels: np.ndarray) -> float:
        """Returns the share of answers that are their labels."""
        chosen = answers.argmax(1) if answers.shape[1] > 1 else (answers[:, 0] > self._even).astype(int)
        return float(np.mean(chosen == numbers(labels)))

    @property
    def _even(self) -> float:
        return 0.0 if self.activation == "linear" else 0.5


def _name(operation: Any) -> str:
    return getattr(getattr(operation, "activation", None), "__name__", "")


def _is_list(values: Any) -> bool:
    return isinstance(values, list | tuple | np.ndarray) and all(
        isinstance(one, int | float | np.number) for one in values
    )
