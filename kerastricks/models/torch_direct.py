"""Functional models on PyTorch without Keras' overhead per layer, and everywhere on images of another size.

On TensorFlow and JAX Keras traces a step once. On PyTorch every step pays for what `Layer.__call__` does around `call`:
checks, name scopes, contexts, masks. `Direct` does it once, in advance, and calls the layers' `call` itself.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from kerastricks import keras_private
from kerastricks.models.graph import Graph, has_graph

# The `compute_mask` of layers that pass a mask on, and never make one.
_PASSES_MASK = (
    keras.layers.Layer.compute_mask,
    keras.layers.Add.compute_mask,
    keras.layers.Concatenate.compute_mask,
)


class _Slot(int):
    """The index of a tensor among those of a forward pass."""


class _Step(NamedTuple):
    call: Callable
    arguments: Any  # with a `_Slot` for each tensor
    dtype: Any  # that floats are cast to, or None
    settings: dict[bool, dict]  # keyword arguments, by `training`
    scope: Any  # in which variables are cast, or None
    outputs: list[_Slot]


class Direct:
    """Calls `network` on a tensor with the results of `network(images, training=...)`, on PyTorch faster.

    Layers that need more than `call` are called as Keras calls them: those with layers inside, an activity regularizer,
    quantized or recomputed ones, and all whose class is not from Keras. So is the whole network where it
    has no graph or several inputs, where masks are made in it, on another backend, and when a layer has since got a
    hook or another dtype policy.

    Args:
        network: The model.
        any_size: Whether images may have other sides than the network's input, where its layers take them.
    """

    def __init__(self, network: Any, any_size: bool = False):
        self.network, self.any_size = network, any_size
        self.steps = _plan(network, True) if keras.backend.backend() == "torch" else None
        layers = keras_private.all_layers(network) if self.steps is not None else None
        if layers is None:
            self.steps = None
        else:
            self._policies = [(layer, layer.dtype_policy) for layer in layers]

    def __call__(self, images: Any, training: bool | None = None) -> Any:
        steps = self.steps if self.steps is not None and self._unchanged() else None
        if not self._fits(images):
            steps = (steps or self._by_calls) if self.any_size and len(images.shape) == 4 else None
        if steps is None or training is None:
            return self.network(images, training=training)
        inputs = self.network.inputs[0]
        values: dict[int, Any] = {0: keras.ops.convert_to_tensor(images, inputs.dtype)}
        for call, arguments, dtype, settings, scope, outputs in steps:
            filled = _fill(arguments, values, dtype)
            if scope is None:
                result = call(*filled, **settings[bool(training)])
            else:
                with scope:
                    result = call(*filled, **settings[bool(training)])
            if len(outputs) == 1:
                values[outputs[0]] = result
            else:
                values.update(zip(outputs, keras.tree.flatten(result), strict=True))
        return values[outputs[0]]

    @functools.cached_property
    def _by_calls(self) -> list[_Step] | None:
        return _plan(self.network, False)

    def _fits(self, images: Any) -> bool:
        if self.steps is None and not self.any_size:
            return True
        expected = self.network.inputs[0].shape
        return len(images.shape) == len(expected) and all(
            known in (None, size) for known, size in zip(expected, images.shape, strict=True)
        )

    def _unchanged(self) -> bool:
        return all(layer.dtype_policy is policy and not _has_hooks(layer) for layer, policy in self._policies)


def _fill(argument: Any, values: dict[int, Any], dtype: Any) -> Any:
    """Returns `argument` with its slots replaced by their values."""
    if type(argument) is _Slot:
        value = values[argument]
        return value.to(dtype) if dtype is not None and value.dtype != dtype and value.is_floating_point() else value
    if type(argument) in (list, tuple):
        return type(argument)([_fill(part, values, dtype) for part in argument])
    return argument


def _has_hooks(layer: Any) -> bool:
    return bool(layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks)


def _plan(network: Any, fast: bool) -> list[_Step] | None:
    """Returns the steps of a forward pass of `network`, or None if it must be called as a whole.

    Args:
        network: The model.
        fast: Whether layers are called by their `call`, and not as Keras calls them.
    """
    if not has_graph(network) or len(network.inputs) != 1 or len(network.outputs) != 1:
        return None
    if type(network).call not in (type(keras.Model(network.inputs, network.outputs)).call, keras.Sequential.call):
        return None
    graph = Graph(network)
    slots = {graph.inputs[0]: _Slot(0)}
    steps = []
    for node in graph.nodes:
        if node.args is None:
            return None
        made = isinstance(node.operation, keras.layers.InputLayer) or node.outputs[0] in slots
        if made or any(key not in slots for key in node.inputs):
            continue
        step = _step(node, slots, fast)
        if step is None:
            return None
        steps.append(step)
    # The last step makes the output.
    return steps if steps and steps[-1].outputs == [slots[graph.outputs[0]]] else None


def _step(node: keras_private.Node, slots: dict[Any, _Slot], fast: bool) -> _Step | None:
    operation = node.operation
    is_layer = isinstance(operation, keras.Layer)
    makes_mask = is_layer and not has_graph(operation) and type(operation).compute_mask not in _PASSES_MASK
    if makes_mask or any(isinstance(value, keras.KerasTensor) for value in keras.tree.flatten(node.kwargs)):
        return None
    filled = keras.tree.map_structure(
        lambda x: slots[keras_private.tensor_key(x)] if isinstance(x, keras.KerasTensor) else x, node.args
    )
    outputs = [slots.setdefault(key, _Slot(len(slots))) for key in node.outputs]
    call, dtype, scope, takes_training = operation, None, None, is_layer
    constants = dict(node.kwargs)
    if is_layer:
        constants = {name: value for name, value in constants.items() if name != "training" and value is not None}
    if is_layer and has_graph(operation) and len(filled) == 1 and not constants:
        call = Direct(operation, any_size=True)
    elif fast and is_layer and not constants and _is_plain(operation):
        scoped = operation.autocast and operation.variables and operation.compute_dtype != operation.variable_dtype
        scope = keras_private.autocast_scope(operation.compute_dtype) if scoped else None
        if scope is not None or not scoped:
            call = operation.call
            takes_training = "training" in inspect.signature(call).parameters
            dtype = _torch_dtype(operation.compute_dtype) if operation.autocast else None
    elif fast and not is_layer and keras_private.only_calls_operation(operation):
        call = operation.call
        takes_training = "training" in inspect.signature(call).parameters
    settings = {
        training: {**constants, **({"training": training} if takes_training else {})} for training in (False, True)
    }
    return _Step(call, filled, dtype, settings, scope, outputs)


def _torch_dtype(name: str) -> Any:
    import torch

    return getattr(torch, name)


def _is_plain(layer: Any) -> bool:
    """Tells whether `call` and a cast are all that `layer` needs."""
    return type(layer).__module__.partition(".")[0] == "keras" and keras_private.only_calls(layer)
