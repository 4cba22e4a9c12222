"""A recipe: a tuple of tricks, applied in their order to build, compile and fit a model."""

import dataclasses
import difflib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

from kerastricks.models.heads import class_count, crossentropy
from kerastricks.optimizers.schedules import LearningRate, check_rate
from kerastricks.optimizers.sgd import nesterov
from kerastricks.training.batches import EvaluationBatches, TrainingBatches, add_draws, iterate
from kerastricks.training.callbacks import DataWait, LearningRateLog
from kerastricks.training.checks import check_labels, check_pair, check_setup
from kerastricks.training.engine import Engine, jit_compile, metrics
from kerastricks.training.trick import Plan, Setup, Trick


@dataclasses.dataclass(frozen=True, repr=False)
class Recipe:
    """Trains any Keras classifier with a tuple of tricks, in their order.

    Args:
        tricks: Tricks, each at most once; the hooks of each kind are called in this order.
        learning_rate: Learning rate that the tricks start from.
        weight_decay: Weight decay passed to `optimizer`, at least 0.
        optimizer: Called as `optimizer(learning_rate=..., weight_decay=...)`, so any Keras optimizer class will do.
            The default is SGD with Nesterov momentum 0.9 and coupled weight decay, the paper's.
        epochs: Default number of epochs.
        batch_size: Default batch size, in images.

    Raises:
        ValueError: If a number is out of its range, or a trick occurs twice.

    Example:

        recipe = kt.Recipe((kt.Warmup(1), kt.CosineDecay(), kt.LabelSmoothing()), learning_rate=0.05)
        history = recipe.fit(model, (images, labels), validation_data=(test_images, test_labels), epochs=20)
    """

    tricks: tuple[Trick, ...] = ()
    learning_rate: float = 0.1
    weight_decay: float = 1e-4
    optimizer: Callable[..., Any] = nesterov
    epochs: int = 30
    batch_size: int = 128

    def __post_init__(self):
        object.__setattr__(self, "tricks", tuple(self.tricks))
        for trick in self.tricks:
            if not isinstance(trick, Trick):
                raise ValueError(f"A recipe holds tricks, such as `kt.MixUp()`. Received: {trick!r}")
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"A recipe may hold each trick once. Received twice: {', '.join(twice)}")
        check_rate(self.learning_rate)
        if not self.weight_decay >= 0:
            raise ValueError(f"`weight_decay` must be at least 0. Received: weight_decay={self.weight_decay}")

    def __repr__(self):
        lines = [f"    {trick!r}," for trick in self.tricks]
        tricks = "\n".join(["(", *lines, "  )"]) if lines else "()"
        optimizer = getattr(self.optimizer, "__name__", repr(self.optimizer))
        return (
            f"Recipe(\n  {tricks},\n  learning_rate={self.learning_rate}, weight_decay={self.weight_decay}, "
            f"optimizer={optimizer}, epochs={self.epochs}, batch_size={self.batch_size},\n)"
        )

    @property
    def names(self) -> list[str]:
        """The names of the tricks, in order."""
        return [trick.name for trick in self.tricks]

    def without(self, *names: str) -> "Recipe":
        """Returns the recipe without the named tricks.

        Raises:
            ValueError: If the recipe holds no trick of that name.
        """
        self._check_holds(names)
        kept = tuple(trick for trick in self.tricks if trick.name not in names)
        return dataclasses.replace(self, tricks=kept)

    def replacing(self, *tricks: Trick) -> "Recipe":
        """Returns the recipe with other settings for some tricks, as in `recipe.replacing(kt.MixUp(0.4))`.

        Raises:
            ValueError: If the recipe holds no trick of that name.
        """
        others = {trick.name: trick for trick in tricks}
        self._check_holds(others)
        return dataclasses.replace(self, tricks=tuple(others.get(trick.name, trick) for trick in self.tricks))

    def _check_holds(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.names:
                near = difflib.get_close_matches(name.lower(), [known.lower() for known in self.names], n=1)
                hint = next((f" Did you mean {known}?" for known in self.names if [known.lower()] == near), "")
                raise ValueError(
                    f"The recipe has no trick '{name}'.{hint} It holds: {', '.join(self.names) or 'none'}."
                )

    def image_shape(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Returns the (height, width, channels) that the network sees for images of `shape`."""
        images = keras.ops.zeros((1, *shape))
        for trick in self.tricks:
            images = trick.evaluation(images)
        _, height, width, channels = images.shape
        return height, width, channels

    def compile(
        self, model: Any, plan: Plan, *, loss: Any = None, image_shape: tuple[int, ...] | None = None
    ) -> Engine:
        """Applies the hooks of the tricks to `model` and returns it, compiled, inside an `Engine`.

        Args:
            model: A built Keras classifier: images in, one row of logits or probabilities per image out.
            plan: Length and seed of the run.
            loss: Loss between target distributions and outputs; by default the categorical cross-entropy that fits the
                model's last layer.
            image_shape: (height, width, channels) of the training images, where known.

        Raises:
            ValueError: If a trick would change nothing or does not apply, or the model's output is ambiguous. The model
                is then unchanged.
        """
        if not model.built:
            raise ValueError(f"The model '{model.name}' is not built. Call it once on a batch of images first.")
        classes = class_count(model)
        for trick in self.tricks:
            plan = trick.plan(plan)
        phases = LearningRate(self.learning_rate)
        for trick in self.tricks:
            phases = trick.learning_rate(phases, plan)
        learning_rate = phases.join(plan.total_steps, plan.accumulation)
        optimizer = self.optimizer(learning_rate=learning_rate, weight_decay=self.weight_decay or None)
        loss = loss if loss is not None else crossentropy(model)
        check_setup(Setup(model, plan, phases, loss, optimizer, self.tricks, image_shape))
        for trick in self.tricks:
            model = trick.model(model, plan)
        for trick in self.tricks:
            loss = trick.loss(loss, plan)
            optimizer = trick.optimizer(optimizer, model, plan)
        auxiliaries = [layer for trick in self.tricks if (layer := trick.auxiliary(model, plan)) is not None]
        averages = [found for trick in self.tricks if (found := trick.averages(model, plan)) is not None]
        engine = Engine(
            model,
            self.tricks,
            classes,
            auxiliaries=auxiliaries,
            averages=averages[0] if averages else None,
            learning_rate=learning_rate,
        )
        engine.compile(optimizer=optimizer, loss=loss, metrics=metrics(classes), jit_compile=jit_compile())
        return engine

    def fit(
        self,
        model: Any,
        train: Any,
        *,
        validation_data: Any = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        seed: int = 0,
        callbacks: Sequence[Any] = (),
        loss: Any = None,
        verbose: Any = "auto",
    ) -> Any:
        """Trains `model` in place and returns Keras' `History`, whose `model` is the compiled `Engine`.

        The order of the images and every random draw follow from `seed`, which also seeds Keras' global generators.

        Args:
            model: A Keras classifier; see `compile`.
            train: `(images, labels)`: images (N, H, W, C), uint8 or float, labels integers (N,) or one-hot (N, K).
                Or a data set that yields such batches, with a length and an order of its own.
            validation_data: The same, evaluated after each epoch: each sample once, not augmented or mixed.
            epochs: Passes over the training images; by default the recipe's.
            batch_size: Images per batch; by default the recipe's. Not for a data set, which has its own.
            seed: Seed of the run, at least 0.
            callbacks: Keras callbacks, called after those of the tricks.
            loss: See `compile`.
            verbose: Keras' `verbose`.

        Raises:
            ValueError: See `compile`; or if images, labels and model do not fit together.
        """
        epochs = self.epochs if epochs is None else epochs
        if _is_pair(train):
            size = self.batch_size if batch_size is None else batch_size
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"`batch_size` must be an integer of at least 1. Received: batch_size={size!r}")
            images, labels = check_pair(train, "train")
            plan = Plan(epochs, math.ceil(len(labels) / size), size, seed)
            sample = images[np.arange(1)]
        else:
            if batch_size is not None:
                raise ValueError(
                    f"`batch_size` is the data set's own. Received: batch_size={batch_size} and a "
                    f"{type(train).__name__}. Batch the data set, or pass `(images, labels)`."
                )
            sample = np.asarray(next(iter(iterate(train)))[0])
            plan = Plan(epochs, _length(train), len(sample), seed)
        keras.utils.set_random_seed(seed % 2**32)
        if not model.built:
            model(np.zeros((1, *self.image_shape(sample.shape[1:])), "float32"))
        engine = self.compile(model, plan, loss=loss, image_shape=sample.shape[1:])
        batches: Any
        logs: list = [LearningRateLog(plan.steps_per_epoch)]
        if _is_pair(train):
            check_labels(labels, engine.classes, "train")
            batches = TrainingBatches(images, labels, plan, self.tricks)
            logs.append(DataWait(batches.ready, plan.steps_per_epoch))
        else:
            batches = add_draws(train, plan, self.tricks, engine.classes)
        if validation_data is not None and _is_pair(validation_data):
            images, labels = check_pair(validation_data, "validation_data")
            check_labels(labels, engine.classes, "validation_data")
            validation_data = EvaluationBatches(images, labels, plan.batch_size)
        folded: list = []
        for trick in self.tricks:
            folded = trick.callbacks(folded, plan)
        return engine.fit(
            batches,
            epochs=epochs,
            steps_per_epoch=plan.steps_per_epoch,
            shuffle=False,
            validation_data=validation_data,
            callbacks=[*logs, *folded, *callbacks],
            verbose=verbose,
        )


def _is_pair(data: Any) -> bool:
    return isinstance(data, tuple | list) and len(data) == 2


def _length(dataset: Any) -> int:
    try:
        return len(dataset)
    except TypeError:
        raise ValueError(
            f"The data set must know its length: the learning rate depends on the number of steps. Received: "
            f"{type(dataset).__name__} without one. Pass a finite data set, or `(images, labels)`."
        ) from None
