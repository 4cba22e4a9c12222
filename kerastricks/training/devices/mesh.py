"""Devices of one or many processes under JAX: one program over a batch that is split among them.

Keras' `DataParallel` says how data and variables lie on the devices. It is not set for Keras' own loop, which refuses a
batch that does not divide by the devices: such a batch is given to all of them, and split inside the step, where XLA
splits unevenly. So every sum over the batch is the sum over all of it, the moments of BatchNormalization included.
"""

import contextlib
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from keras import ops, tree

from kerastricks.models.graph import all_layers, has_graph
from kerastricks.models.parted_batch_norm import normalizing, part_batch_normalization
from kerastricks.training.devices.one import Devices


class Mesh(Devices):
    """The first devices of each process.

    Args:
        here: How many of each process.
        synchronized: Whether BatchNormalization takes the moments of the whole batch.
    """

    def __init__(self, here: int, synchronized: bool = True):
        others = {here} if jax.process_count() == 1 else {*multihost_utils.process_allgather(np.int32(here)).tolist()}
        if len(others) > 1:
            raise ValueError(
                f"All processes must use as many devices. Received: {' and '.join(map(str, sorted(others)))}. Pass "
                "`devices`."
            )
        chosen = [device for rank in range(jax.process_count()) for device in _of(rank)[:here]]
        self.count, self.rank, self.ranks = len(chosen), jax.process_index(), jax.process_count()
        names = np.array([f"{device.platform}:{device.id}" for device in chosen])
        self._distribution = keras.distribution.DataParallel(
            keras.distribution.DeviceMesh(names.shape, ["batch"], names), auto_shard_dataset=False
        )
        self._synchronized = synchronized
        self._engine: Any = None

    @contextlib.contextmanager
    def entered(self, model):
        if not self._synchronized and not has_graph(model):
            raise ValueError(
                "`synchronized=False` needs a functional or Sequential model on JAX. "
                f"Received: {type(model).__name__}. Leave it out."
            )
        parted = [] if self._synchronized else normalizing(all_layers(model))
        for layer in parted:
            part_batch_normalization(layer, self.count)
        try:
            yield
        finally:
            for layer in parted:
                del layer.call
            engine = self._engine
            for variable in model.variables if engine is None else _all(engine):
                variable.assign(ops.convert_to_numpy(variable))
            if engine is not None:
                engine.devices = Devices()
                engine.train_function = engine.test_function = engine.predict_function = None

    def own(self, size):
        if size % self.count:
            return slice(0, size)
        part = size // self.ranks
        return slice(self.rank * part, (self.rank + 1) * part)

    def place(self, batch, size):
        def put(array: Any) -> Any:
            array = np.asarray(array)
            layout = self._replicated(array) if size % self.count else self._distribution.get_data_layout(array.shape)
            whole = (size, *array.shape[1:])
            return jax.make_array_from_process_local_data(layout.backend_layout, array, whole)

        return tree.map_structure(put, batch)

    def put(self, engine):
        self._engine = engine
        if not engine.optimizer.built:
            engine.optimizer.build(engine.trainable_variables)
        for variable in _all(engine):
            variable.assign(keras.distribution.distribute_tensor(variable.value, self._replicated(variable)))

    def split(self, images):
        return keras.distribution.distribute_tensor(images, self._distribution.get_data_layout(images.shape))

    def from_first(self, content):
        if self.ranks == 1:
            return content
        length = multihost_utils.broadcast_one_to_all(np.array(divmod(len(content), 2**20), "int32"))
        whole = np.zeros(int(length[0]) * 2**20 + int(length[1]), "uint8")
        if not self.rank:
            whole[:] = np.frombuffer(content, "uint8")
        return bytes(np.asarray(multihost_utils.broadcast_one_to_all(whole), "uint8")) if len(whole) else b""

    def stops(self, step):
        # JAX notices SIGTERM by itself, and lets all processes stop before the same step.
        return self.ranks > 1 and multihost_utils.reached_preemption_sync_point(step)

    def pin(self, state):
        return tree.map_structure(
            lambda value: keras.distribution.distribute_tensor(value, self._replicated(value)), state
        )

    def _replicated(self, array: Any) -> Any:
        return keras.distribution.TensorLayout([None] * len(array.shape), self._distribution.device_mesh)


def _of(rank: int) -> list:
    return [device for device in jax.devices() if device.process_index == rank]


def _all(engine: Any) -> list:
    return [*engine.variables, *engine.optimizer.variables, *engine.metrics_variables]


def available() -> int:
    """Returns the number of devices of this process."""
    return len(jax.local_devices())


def processes() -> int:
    """Returns how many processes train together."""
    return jax.process_count()


of = Mesh
VIRTUAL = "XLA_FLAGS=--xla_force_host_platform_device_count=2 makes two of a CPU, to try it"
