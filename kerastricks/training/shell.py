"""A model around another one that callbacks take for the inner one."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from kerastricks.models.precision import float32
from kerastricks.training import jax_values


class Shell(keras.Model):
    """A `keras.Model` whose weights, layers, summary and files are those of `network`.

    So `ModelCheckpoint`, `BackupAndRestore`, `TensorBoard`, `EarlyStopping` and users' callbacks find in `self.model`
    the network that they know.

    Args:
        network: The user's model.
        settings: As for `keras.Model`.
    """

    def __init__(self, network: Any, **settings: Any):
        super().__init__(**settings)
        self.network = network

    @property
    def weights(self):
        return self.network.weights

    @property
    def layers(self):
        return self.network.layers

    def get_layer(self, *args, **kwargs):
        return self.network.get_layer(*args, **kwargs)

    def export(self, *args, **kwargs):
        return self.network.export(*args, **kwargs)

    def summary(self, *args, **kwargs):
        return self.network.summary(*args, **kwargs)

    def make_train_function(self, force=False):
        super().make_train_function(force)
        self.train_function = self._holding(self.train_function, True, True)

    def make_test_function(self, force=False):
        super().make_test_function(force)
        self.test_function = self._holding(self.test_function, False, True)

    def make_predict_function(self, force=False):
        function = super().make_predict_function(force)
        self.predict_function = self._holding(self.predict_function, False, False)
        return function

    def _holding(self, function: Any, optimizer: bool, metrics: bool) -> Any:
        if keras.backend.backend() != "jax" or getattr(function, "holds", False):
            return function
        return jax_values.holding(self, function, jax_values.kinds(optimizer, metrics))

    def save(self, filepath, *args, **kwargs):
        """Saves the network as plain Keras, in float32 and not compiled: anyone opens it."""
        compiled, self.network.compiled = self.network.compiled, False
        try:
            with float32(self.network), self._optimizer_lent(None):
                self.network.save(filepath, *args, **kwargs)
        finally:
            self.network.compiled = compiled

    def save_weights(self, filepath, *args, **kwargs):
        """Saves the weights of the network, with the state of the optimizer beside them."""
        with self._optimizer_lent(self.optimizer):
            self.network.save_weights(filepath, *args, **kwargs)

    def load_weights(self, filepath, *args, **kwargs):
        """Loads what `save_weights` wrote, or weights of the network."""
        with self._optimizer_lent(self.optimizer):
            self.network.load_weights(filepath, *args, **kwargs)

    @contextlib.contextmanager
    def _optimizer_lent(self, optimizer: Any) -> Iterator[None]:
        own = getattr(self.network, "optimizer", None)
        self.network.optimizer = optimizer
        try:
            yield
        finally:
            self.network.optimizer = own
