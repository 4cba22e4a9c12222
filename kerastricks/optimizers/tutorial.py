"""The schedulers of the tutorial "Bag of Tricks for Image Classification in Keras", under their own names.

They take the tutorial's arguments and give its rates, on Keras 3 and its three backends. New code should use the
schedules (`kerastricks.Warmup`, `kerastricks.CosineDecay`), which cost nothing in the step.
"""

import math
from typing import Any

import keras
import numpy as np


def cosine_decay_with_warmup(
    global_step: Any,
    learning_rate_base: float,
    total_steps: float,
    warmup_learning_rate: float = 0.0,
    warmup_steps: float = 0,
    hold_base_rate_steps: float = 0,
) -> np.ndarray:
    """Returns the rate at `global_step`: a linear warmup, a plateau, half a cosine to zero at `total_steps`, then zero.

    Args:
        global_step: Batches trained before, a number or an array.
        learning_rate_base: Rate of the plateau.
        total_steps: Length of the whole schedule, in batches.
        warmup_learning_rate: Rate of the first batch of the warmup.
        warmup_steps: Batches of the warmup.
        hold_base_rate_steps: Batches of the plateau.

    Raises:
        ValueError: If warmup and plateau are longer than the schedule, where the tutorial gives zero or divides by
            zero; if a number is negative, or the warmup starts above the plateau.
    """
    for name, value in (
        ("warmup_learning_rate", warmup_learning_rate),
        ("warmup_steps", warmup_steps),
        ("hold_base_rate_steps", hold_base_rate_steps),
    ):
        if not value >= 0:
            raise ValueError(f"`{name}` must be at least 0. Received: {name}={value}")
    if learning_rate_base < warmup_learning_rate or not learning_rate_base > 0:
        raise ValueError(
            "`learning_rate_base` must be positive and at least `warmup_learning_rate`. "
            f"Received: learning_rate_base={learning_rate_base}, warmup_learning_rate={warmup_learning_rate}"
        )
    start = warmup_steps + hold_base_rate_steps
    if start > total_steps or not total_steps > 0:
        raise ValueError(
            "`total_steps` must be positive and at least `warmup_steps + hold_base_rate_steps`. "
            f"Received: total_steps={total_steps}, warmup_steps={warmup_steps}, "
            f"hold_base_rate_steps={hold_base_rate_steps}"
        )
    step = np.asarray(global_step, "float64")
    progress = np.clip((step - start) / max(total_steps - start, 1e-9), 0, 1)
    rate = learning_rate_base * 0.5 * (1 + np.cos(np.pi * progress))
    rate = np.where(step <= start, learning_rate_base, rate)
    if warmup_steps > 0:
        warmup = warmup_learning_rate + (learning_rate_base - warmup_learning_rate) * step / warmup_steps
        rate = np.where(step < warmup_steps, warmup, rate)
    return np.where(step > total_steps, 0.0, rate)


class _Scheduler(keras.callbacks.Callback):
    """Sets the rate before each batch and records it after; also counts batches under `steps_per_execution`."""

    def __init__(self, verbose: int):
        super().__init__()
        self.verbose = verbose
        self.learning_rates: list[float] = []
        self._first = 0
        self._updates = 0

    def on_train_begin(self, logs=None):
        rate = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer).get_config()["learning_rate"]
        if isinstance(rate, dict):
            raise ValueError(
                f"{type(self).__name__} sets the learning rate of each batch, which the optimizer has from a schedule. "
                f"Received: {rate['class_name']}. Give the optimizer a number, or leave the callback out."
            )

    def _set(self, batch: int, rate: float | None) -> None:
        self._first = batch
        self._updates = int(self.model.optimizer.iterations)
        if rate is not None:
            self.model.optimizer.learning_rate = rate
            if self.verbose > 0:
                print(f"\nBatch {batch + 1:05d}: {type(self).__name__} setting learning rate to {rate}.")

    def _batches(self, batch: int) -> int:
        """Returns how many batches of the group were trained: Keras reports `batch`, the last of a whole group, always.

        Where each batch is an update, the optimizer has counted them; else the length of the epoch is the limit.
        """
        group = batch - self._first + 1
        optimizer = self.model.optimizer
        if group == 1:
            return 1
        if optimizer.gradient_accumulation_steps is None and not hasattr(optimizer, "inner_optimizer"):
            return int(optimizer.iterations) - self._updates
        return min(group, (self.params.get("steps") or batch + 1) - self._first)

    def _list(self, batch: int) -> int:
        batches = self._batches(batch)
        self.learning_rates += [float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))] * batches
        return batches


class WarmUpLearningRateScheduler(_Scheduler):
    """Climbs from zero to `init_lr` over `warmup_batches` batches, then leaves the rate unchanged.

        init_lr * batches trained before / warmup_batches

    The first batch has the rate zero, as in the tutorial. Where `warmup_batches` is not a whole number, the tutorial
    never reaches `init_lr`; here it is reached. With zero batches the rate is `init_lr`, where the tutorial
    divides by zero.

    Args:
        warmup_batches: Length of the warmup, in batches; at least 0.
        init_lr: Rate after the warmup.
        verbose: 1 to print each rate that is set.
    """

    def __init__(self, warmup_batches: float, init_lr: float, verbose: int = 0):
        super().__init__(verbose)
        if not warmup_batches >= 0:
            raise ValueError(f"`warmup_batches` must be at least 0. Received: warmup_batches={warmup_batches}")
        if not init_lr > 0:
            raise ValueError(f"`init_lr` must be positive. Received: init_lr={init_lr}")
        self.warmup_batches = warmup_batches
        self.init_lr = init_lr
        self.batch_count = 0

    def on_train_batch_begin(self, batch, logs=None):
        warming = self.batch_count <= math.ceil(self.warmup_batches)
        share = min(1.0, self.batch_count / self.warmup_batches) if self.warmup_batches else 1.0
        self._set(batch, share * self.init_lr if warming else None)

    def on_train_batch_end(self, batch, logs=None):
        self.batch_count += self._list(batch)


class WarmUpCosineDecayScheduler(_Scheduler):
    """Sets the rate of `cosine_decay_with_warmup` before each batch, and records it in `learning_rates`.

    Args: those of `cosine_decay_with_warmup`, and
        global_step_init: Batches trained before this run.
        verbose: 1 to print each rate that is set.
    """

    def __init__(
        self,
        learning_rate_base: float,
        total_steps: float,
        global_step_init: int = 0,
        warmup_learning_rate: float = 0.0,
        warmup_steps: float = 0,
        hold_base_rate_steps: float = 0,
        verbose: int = 0,
    ):
        super().__init__(verbose)
        self.learning_rate_base = learning_rate_base
        self.total_steps = total_steps
        self.global_step = global_step_init
        self.warmup_learning_rate = warmup_learning_rate
        self.warmup_steps = warmup_steps
        self.hold_base_rate_steps = hold_base_rate_steps
        self._rate()  # raises before training does

    def _rate(self) -> float:
        return float(
            cosine_decay_with_warmup(
                self.global_step,
                self.learning_rate_base,
                self.total_steps,
                self.warmup_learning_rate,
                self.warmup_steps,
                self.hold_base_rate_steps,
            )
        )

    def on_train_batch_begin(self, batch, logs=None):
        self._set(batch, self._rate())

    def on_train_batch_end(self, batch, logs=None):
        self.global_step += self._list(batch)
