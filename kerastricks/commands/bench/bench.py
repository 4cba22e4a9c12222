"""Measures the speed of training: of its step, of its input, of both; beside plain Keras and native PyTorch."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from kerastricks import models
from kerastricks.commands import memory
from kerastricks.commands.bench.peer import Peer
from kerastricks.commands.bench.task import BenchTask
from kerastricks.commands.environment import environment
from kerastricks.commands.prepare import prepare, recipe
from kerastricks.data import Data
from kerastricks.training.batches import TrainingBatches
from kerastricks.training.callbacks import Clock, DataWait
from kerastricks.training.stages import enter_last


class _Repeated(keras.utils.PyDataset):
    """One batch, ready made, for ever."""

    def __init__(self, batch: Any):
        super().__init__()
        self.batch = batch

    @property
    def num_batches(self):
        return None

    def __getitem__(self, index):
        return self.batch


def bench(task: BenchTask, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measures training with a recipe in rounds, each of which gives every side one turn of `task.steps` steps.

    The sides: training as it is (`both`), with layers thawed that a trick freezes for a while; its `step` alone, on one
    batch again and again; its `input` alone; `plain`
    Keras, the same model on the same arrays by `compile` and `fit` at their defaults; and, where PyTorch is installed
    and knows the layers, `native` PyTorch: a network of the same form in a plain loop, channels last, in float32 or
    under bfloat16 autocast, whichever is faster here.

    Args:
        task: What to measure.
        say: Called with a line of progress.

    Returns:
        For each side the images/s of each round; `data_wait`, the share of the time in which training waited for its
        images; `peak_memory` of training in bytes; `ratios` of training to the peers, medians of the rounds; and the
        settings, versions and hardware.

    Raises:
        ValueError: If a setting does not fit.
    """
    if task.data == "random":
        task = task.with_data(_random(task, recipe(task).batch_size))
    task, source, chosen, network, plan, _ = prepare(task)
    images, labels = source.train
    batch_size, steps, rounds = plan.batch_size, task.steps, task.rounds
    build = {"classes": len(source.classes), "input_shape": chosen.image_shape(source.image_shape)}
    plan = dataclasses.replace(plan, epochs=max(chosen.epochs, (rounds + 1) * 2))  # as long as its decays ask for
    engine = chosen.compile(network, plan, images=images[np.arange(1)])
    enter_last(engine, 0)
    batches = TrainingBatches(images, labels, plan, chosen.tricks)
    waits: list[float] = []
    sides = {
        "both": lambda: _both(engine, batches, steps, waits),
        "step": lambda: _fit(engine, _Repeated(batches[0]), steps_per_epoch=steps, shuffle=False),
        "input": lambda: _input(batches, steps),
    }
    for name in sides:
        say(f"warming up: {name}")
        sides[name]()
    waits.clear()
    most_memory = memory.peak()
    plain = _plain(
        task.model, build, images[np.arange(batch_size * min(steps, plan.steps_per_epoch)) % len(labels)], labels
    )
    sides["plain"] = lambda: plain(batch_size)
    say("warming up: plain")
    sides["plain"]()
    native = Peer(task.model, build, batch_size, steps)
    if native.refusal is None:
        sides["native"] = native.turn
        say("warming up: native")
        sides["native"]()
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, turn in sides.items():
            say(f"round {number + 1}/{rounds}: {name}")
            speeds[name].append(turn())
    native.close()
    rates = {name: [batch_size / seconds for seconds in column] for name, column in speeds.items()}
    peers = [name for name in ("plain", "native") if name in rates]
    return {
        "images_per_second": rates,
        "data_wait": statistics.median(waits),
        "peak_memory": most_memory,
        "ratios": {peer: _ratio(rates["both"], rates[peer]) for peer in peers},
        "no_native": native.refusal,
        "native_precision": native.precision,
        **task.settings(),
        "tricks": chosen.names,
        "batch_size": batch_size,
        "image_shape": list(images.shape[1:]),
        "classes": len(source.classes),
        **environment(),
    }


def _random(task: BenchTask, batch_size: int) -> Data:
    """Returns random images: as many as a turn takes, or as the task names."""
    random = np.random.default_rng(task.seed)
    count, side, classes = task.images or batch_size * task.steps, task.image_size or 32, task.classes or 10
    images = random.integers(0, 256, (count, side, side, 3), "uint8")
    labels = random.integers(0, classes, count).astype("int32")
    return Data("random", tuple(map(str, range(classes))), (images, labels), (images[:1], labels[:1]))


def _fit(model: Any, *data: Any, callbacks: Sequence[Any] = (), **settings) -> float:
    """Trains for an epoch; returns the seconds of a step."""
    clock = Clock()
    model.fit(*data, callbacks=[*callbacks, clock], verbose=0, **settings)
    return clock.step_seconds[-1]


def _both(engine: Any, batches: TrainingBatches, steps: int, waits: list[float]) -> float:
    wait = DataWait(batches.ready, steps)
    seconds = _fit(engine, batches, steps_per_epoch=steps, shuffle=False, callbacks=[wait])
    waits += engine.history.history.get("data_wait", [0.0])
    return seconds


def _input(batches: TrainingBatches, steps: int) -> float:
    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(batches.make, range(steps)):
            pass
    return (time.perf_counter() - start) / steps


def _plain(name: str, build: dict[str, Any], images: np.ndarray, labels: np.ndarray) -> Callable[[int], float]:
    model = models.build(name, **build)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), loss, metrics=["accuracy"])
    labels = np.resize(labels, len(images))
    return lambda batch_size: _fit(model, images, labels, batch_size=batch_size)


def _ratio(ours: Sequence[float], peer: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, peer, strict=True))
