"""A recipe: a tuple of tricks, applied in their order to build, compile and fit a model."""

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np

from kerastricks.optimizers.schedules import check_rate
from kerastricks.optimizers.sgd import nesterov
from kerastricks.training.checks import check_optimizer
from kerastricks.training.engine import Engine
from kerastricks.training.fold import fold
from kerastricks.training.run import run
from kerastricks.training.trick import Plan, Trick


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
        check_optimizer(self.optimizer)
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

    def scaled(self, epochs: int) -> "Recipe":
        """Returns the recipe for runs of `epochs`: the durations of its tricks keep their share of a run."""
        tricks = tuple(trick.scaled(epochs / self.epochs) for trick in self.tricks)
        return dataclasses.replace(self, tricks=tricks, epochs=epochs)

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
        self,
        model: Any,
        plan: Plan,
        *,
        loss: Any = None,
        metrics: Sequence[Any] = (),
        images: np.ndarray | None = None,
        steps_per_execution: int = 1,
    ) -> Engine:
        """Applies the hooks of the tricks to `model` and returns it, compiled, inside an `Engine`.

        Args:
            model: A built Keras classifier: images in, one row of logits or probabilities per image out.
            plan: Length and seed of the run.
            loss: Loss between target distributions and outputs; by default the categorical cross-entropy that fits the
                model's last layer.
            metrics: Metrics of distributions beside the accuracy.
            images: Some of the training images, (N, H, W, C), for the checks; None skips those that need them.
            steps_per_execution: Keras' own.

        Raises:
            ValueError: If a trick would change nothing or does not apply, or the model's output is ambiguous. The model
                is then unchanged.
        """
        return fold(
            self, model, plan, loss=loss, images=images, metrics=metrics, steps_per_execution=steps_per_execution
        )

    def fit(
        self,
        model: Any,
        train: Any,
        *,
        validation_data: Any = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        seed: int = 0,
        callbacks: Any = (),
        loss: Any = None,
        metrics: Any = (),
        verbose: Any = "auto",
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        validation_split: float = 0.0,
        validation_freq: int | Sequence[int] = 1,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        steps_per_execution: int = 1,
        checkpoint: Any = None,
        on_nan: Literal["stop", "rollback"] = "stop",
        devices: int | Literal["all"] | None = None,
        synchronized: bool = True,
    ) -> Any:
        """Trains `model` in place and returns Keras' `History`, whose `model` is the compiled `Engine`.

        The order of the images and every random draw follow from `seed`, which also seeds Keras' global generators.
        Afterwards `model` is compiled by itself, with the loss of the run and accuracies, for `evaluate` and `fit`.

        Args:
            model: A Keras classifier; see `compile`.
            train: `(images, labels)`: images (N, H, W, C), uint8 or float, labels integers (N,) or one-hot (N, K); or
                `(images, labels, sample_weight)`; arrays of NumPy, JAX, TensorFlow, PyTorch, h5py or Zarr. Or a data
                set that yields such batches, with a length and an order of its own.
            validation_data: The same, evaluated after each epoch: each sample once, not augmented or mixed.
            epochs: Passes over the training images; by default the recipe's.
            batch_size: Images per batch; by default the recipe's. Not for a data set, which has its own.
            seed: Seed of the run, at least 0.
            callbacks: Keras callbacks, called after those of the tricks. What they save, load and see of the model is
                `model`.
            loss: See `compile`.
            metrics: See `compile`.
            verbose: Keras' `verbose`.
            sample_weight: Weight of each sample in the loss, (N,); mixing tricks mix the weights too.
            class_weight: Weight of each class in the loss, by label.
            validation_split: Fraction of the arrays, from their end, that validates in place of `validation_data`.
            validation_freq: Keras' own.
            initial_epoch: Epoch to begin at, as for a model that was trained before: the order, the draws and the
                learning rate are those of that epoch.
            steps_per_epoch: Batches per epoch, at most as many as the arrays hold; needed for a data set without a
                length.
            steps_per_execution: Keras' own.
            checkpoint: A directory, or a `kerastricks.Checkpoint`: the run is saved there, and goes on from there
                where it was stopped before.
            on_nan: What happens where the loss is NaN or infinite: the run stops with an error, or goes back to its
                last good state and on at half the learning rate, at most four times.
            devices: How many devices of this process share each batch, or "all"; by default one, or all where several
                processes train together, by `keras.distribution.initialize`. `batch_size` stays that of the whole
                batch, and the run that of one device up to the order of sums.
            synchronized: Whether BatchNormalization takes the moments of the whole batch, and not of each device's
                part.

        Raises:
            ValueError: See `compile`; or if images, labels and model do not fit together, or the checkpoints are those
                of another run.
            kerastricks.Diverged: If the loss is no number.
        """
        return run(
            self,
            model,
            train,
            validation_data=validation_data,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            callbacks=callbacks,
            loss=loss,
            metrics=metrics,
            verbose=verbose,
            sample_weight=sample_weight,
            class_weight=class_weight,
            validation_split=validation_split,
            validation_freq=validation_freq,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            steps_per_execution=steps_per_execution,
            checkpoint=checkpoint,
            on_nan=on_nan,
            devices=devices,
            synchronized=synchronized,
        )
