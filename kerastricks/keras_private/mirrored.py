"""What Keras' variables, optimizers and loop are told where a strategy of TensorFlow trains on several devices."""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import keras

from kerastricks.keras_private.names import attribute, otherwise


def _unavailable(*_: Any) -> Any:
    raise ValueError(
        f"Keras {keras.__version__} lacks what several devices need on TensorFlow. Leave `devices` out, or use Keras "
        "3.15, or JAX."
    )


@otherwise(_unavailable)
def mirror(variable: Any, mean: bool) -> Any:
    """Gives a Keras variable a copy on each device of the strategy in whose scope this is called; returns its own.

    Args:
        variable: The variable.
        mean: Whether what replicas assign is averaged, where it is a floating-point number; else the first one's holds.
    """
    import tensorflow as tf

    own = attribute(variable, "_value")
    same, average = tf.VariableAggregation.ONLY_FIRST_REPLICA, tf.VariableAggregation.MEAN
    variable._value = tf.Variable(
        own.numpy(),
        trainable=variable.trainable,
        dtype=own.dtype,
        name=own.name.partition(":")[0],
        aggregation=average if mean and own.dtype.is_floating else same,
    )
    return own


def put_back(variable: Any, own: Any) -> None:
    """Gives a Keras variable its own back, with the value of the copies."""
    own.assign(variable.value.numpy())
    variable._value = own


@otherwise(_unavailable)
def outside_of_replicas(strategy: Any) -> contextlib.AbstractContextManager:
    """Returns a context in which Keras' optimizers update all replicas at once, and not from within each."""

    @contextlib.contextmanager
    def outside() -> Iterator[None]:
        strategy.extended._use_merge_call = lambda: False
        try:
            yield
        finally:
            del strategy.extended._use_merge_call

    attribute(strategy.extended, "_use_merge_call")
    return outside()


@otherwise(_unavailable)
def adapter(iterate: Callable[[], Iterator], batches: int | None) -> Any:
    """Returns what `fit` and `evaluate` take for an iterable of values of a strategy.

    Args:
        iterate: Returns an iterator over the batches.
        batches: How many there are, or None where they do not end.
    """
    module = importlib.import_module("keras.src.trainers.data_adapters.data_adapter")

    base: Any = attribute(module, "DataAdapter")
    import tensorflow as tf

    class Fed(tf.distribute.DistributedDataset):
        element_spec = None

        def __iter__(self):
            return iterate()

    class Adapter(base):
        num_batches = batches
        batch_size = has_partial_batch = partial_batch_size = None

        def get_tf_dataset(self):
            return Fed()

    return Adapter()
