"""Several devices of one process under TensorFlow: `MirroredStrategy`, one replica a device.

Each replica works on its rows of a batch, in a program of its own, so what belongs to the whole batch is brought
together on purpose: the moments of BatchNormalization, the samples that mixing takes from others, and the gradients,
before they are clipped, accumulated or scaled. Keras does these last three replica by replica.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from kerastricks import keras_private
from kerastricks.keras_private import mirrored
from kerastricks.training.devices.one import Devices
from kerastricks.training.evaluation import EvaluationBatches


class Mirrors(Devices):
    """The first devices of this process.

    Args:
        count: How many.
        synchronized: Whether BatchNormalization takes the moments of the whole batch.
    """

    def __init__(self, count: int, synchronized: bool = True):
        self.count = self.replicas = count
        self._synchronized = synchronized
        chosen = _devices()[:count]
        # Collective operations of CPUs block threads: with fewer of those than devices they wait for each other.
        joining = tf.distribute.ReductionToOneDevice() if chosen[0].device_type == "CPU" else None
        self._strategy = tf.distribute.MirroredStrategy([device.name for device in chosen], joining)
        self._rows = threading.local()  # each replica has a thread

    @contextlib.contextmanager
    def entered(self, model):
        layers = (keras_private.all_layers(model) or []) if self._synchronized else []
        local = [
            layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
        ]
        variables = model.variables
        with self._strategy.scope():
            own = [mirrored.mirror(variable, not self._synchronized) for variable in variables]
            fused = [(layer, vars(layer).pop("call")) for layer in local if "call" in vars(layer)]  # of an earlier run
            for layer in local:
                layer.synchronized = True
            try:
                yield
            finally:
                for layer in local:
                    layer.synchronized = False
                for layer, call in fused:
                    layer.call = call
                for variable, value in zip(variables, own, strict=True):
                    mirrored.put_back(variable, value)

    def feed(self, batches, iterate, evaluation=False):
        # Not a `tf.data.Dataset`: the thread that tunes it sleeps up to five seconds before an iterator can end.
        if not evaluation:
            return mirrored.adapter(lambda: self._parts(iterate()), None)
        enough = functools.partial(_with_enough, iterate, self.count)
        return mirrored.adapter(lambda: self._parts(enough()), _count(batches, enough, self.count))

    def _parts(self, whole: Iterator[tuple]) -> Iterator[Any]:
        """Yields batches as values of the strategy: its rows for each replica."""
        for batch in whole:
            if len(batch[1]) < self.count:
                raise ValueError(
                    f"TensorFlow needs a sample for each of the {self.count} devices. Received: a batch of "
                    f"{len(batch[1])}. Pass another batch size, or fewer devices."
                )
            bounds = np.linspace(0, len(batch[1]), self.count + 1).astype(int)

            def own(context: Any, batch: tuple = batch, bounds: np.ndarray = bounds) -> Any:
                begin, end = bounds[context.replica_id_in_sync_group :][:2]
                return tree.map_structure(lambda array: tf.constant(np.asarray(array)[begin:end]), batch)

            yield self._strategy.experimental_distribute_values_from_function(own)

    def optimizer(self, optimizer):
        float16 = keras.config.dtype_policy().name == "mixed_float16"
        if float16 or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            raise ValueError(
                "Keras cannot scale the loss of float16 on several devices on TensorFlow. Use bfloat16, "
                "KERAS_BACKEND=jax, or one device."
            )
        apply, scale = optimizer.apply_gradients, optimizer.scale_loss

        def scaled(loss: Any) -> Any:
            # To the mean over all rows: Keras' loss is the mean over a replica's own, by the number of replicas.
            everywhere = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, self._rows.count)
            return scale(loss * tf.cast(self.count * self._rows.count / everywhere, loss.dtype))

        def together(grads_and_vars: Any) -> None:
            gradients, variables = zip(*grads_and_vars, strict=True)
            context = tf.distribute.get_replica_context()
            whole = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            context.merge_call(lambda strategy, gradients: _apply(strategy, apply, gradients, variables), (whole,))

        optimizer.apply_gradients, optimizer.scale_loss = together, scaled
        return optimizer

    def told(self, engine, step):
        if getattr(step, "whole", False):
            return step

        def call(iterator: Any) -> Any:
            step(iterator)  # returns the mean of what the replicas say, which have not all as many rows
            return engine.get_metrics_result()

        call.whole = True
        return call

    def first(self, iterator):
        for _, _, batches in iterator:
            # Keras takes the mean over the replicas, which need not have as many rows.
            return tree.map_structure(lambda value: self._strategy.experimental_local_results(value)[-1], next(batches))

    def split(self, images):
        # Without a size that is known beforehand: Keras traces some replicas with one and some without, and then they
        # make other sums, which do not meet.
        images = tf.compat.v1.placeholder_with_default(images, (None, *images.shape[1:]))
        self._rows.count = tf.cast(tf.shape(images)[0], "float32")
        return images

    def mix(self, trick, images, targets, draws):
        if not trick.mixes:
            return super().mix(trick, images, targets, draws)
        context = tf.distribute.get_replica_context()
        sizes = context.all_gather(tf.shape(images)[:1], axis=0)
        begin = tf.reduce_sum(sizes[: context.replica_id_in_sync_group])
        whole = tree.map_structure(
            lambda part: tf.ensure_shape(context.all_gather(part, axis=0), (None, *part.shape[1:])),
            (images, targets, draws),
        )
        mixed = super().mix(trick, *whole)
        own = [part[begin : begin + tf.shape(images)[0]] for part in mixed]
        return tuple(tf.ensure_shape(part, (None, *was.shape[1:])) for part, was in zip(own, whole[:2], strict=True))


def _apply(strategy: Any, apply: Any, gradients: Any, variables: Any) -> None:
    """Lets Keras' optimizer update the variables of all replicas at once, from gradients that all have."""
    first = [strategy.experimental_local_results(gradient)[0] for gradient in gradients]
    with mirrored.outside_of_replicas(strategy):
        apply(list(zip(first, variables, strict=True)))


def _with_enough(iterate: Callable[[], Iterator[tuple]], least: int) -> Iterator[tuple]:
    """Yields batches of at least `least` samples: a smaller last one joins the one before it."""
    last: Any = None
    for batch in iterate():
        if last is not None and len(batch[1]) < least:
            batch = tree.map_structure(lambda *sides: np.concatenate(sides), last, batch)
        elif last is not None:
            yield last
        last = batch
    yield last


def _count(batches: Any, iterate: Callable[[], Iterator[tuple]], least: int) -> int:
    """Returns how many batches of at least `least` samples there are; those of a data set are read for it."""
    if not isinstance(batches, EvaluationBatches):
        return 0 if batches.count == 0 else sum(1 for _ in iterate())  # the former raises where there is no end
    left = len(batches.labels) % batches.batch_size
    return len(batches) - (0 < left < least and len(batches) > 1)


def _devices() -> list:
    return tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")


def available() -> int:
    """Returns the number of devices of this process."""
    return len(_devices())


def processes() -> int:
    """Returns how many processes train together."""
    return 1


of = Mirrors
VIRTUAL = "tf.config.set_logical_device_configuration makes two of a CPU, to try it"
