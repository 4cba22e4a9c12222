"""Functional models on PyTorch without Keras' work around each layer.

On TensorFlow and JAX Keras traces a step once. On PyTorch every step pays for what `Layer.__call__` does around `call`:
checks, name scopes, contexts, masks. `Direct` does it once, ahead, and calls the layers' `call` itself.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras.src.backend import AutocastScope

from kerastricks.models.graph import has_graph

# Those that pass on a mask, and never make one.
_PASSES_MASK = (
    keras.layers.Layer.compute_mask,
    keras.layers.Add.compute_mask,
    keras.layers.Concatenate.compute_mask,
)


class _Slot(int):
    """The place of a tensor among those of a run."""


class _Step(NamedTuple):
    call: Callable
    arguments: Any  # with a `_Slot` for each tensor
    dtype: Any  # that floats are cast to, or None
    settings: dict[bool, dict]  # keyword arguments, by `training`
    scope: Any  # in which variables are cast, or None
    outputs: list[_Slot]


class Direct:
    """Calls `network` on a tensor, as `network(images, training=...)` does, with the same results.

    Layers that need more than `call` are called as Keras calls them: those with layers inside, an activity regularizer,
    quantized or recomputed ones, and all whose class is not from Keras or kerastricks. So is the whole network where it
    has no graph or several inputs, where masks are made in it, on another backend, and when a layer has got a hook or
    another dtype policy since.

    Args:
        network: The model.
    """

    def __init__(self, network: Any):
        self.network = network
        self.steps = _plan(network) if keras.backend.backend() == "torch" else None
        if self.steps is not None:
            self._policies = [(layer, layer.dtype_policy) for layer in network._flatten_layers()]

    def __call__(self, images: Any, training: bool | None = None) -> Any:
        if self.steps is None or training is None or not self._fits(images):
            return self.network(images, training=training)
        inputs = self.network.inputs[0]
        values: dict[int, Any] = {0: keras.ops.convert_to_tensor(images, inputs.dtype)}
        for call, arguments, dtype, settings, scope, outputs in self.steps:
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

    def _fits(self, images: Any) -> bool:
        expected = self.network.inputs[0].shape
        return (
            len(images.shape) == len(expected)
            and all(known in (None, size) for known, size in zip(expected, images.shape, strict=True))
            and all(layer.dtype_policy is policy and not _has_hooks(layer) for layer, policy in self._policies)
        )


def _fill(argument: Any, values: dict[int, Any], dtype: Any) -> Any:
    """Returns `argument` with the values of its slots."""
    if type(argument) is _Slot:
        value = values[argument]
        return value.to(dtype) if dtype is not None and value.dtype != dtype and value.is_floating_point() else value
    if type(argument) in (list, tuple):
        return type(argument)([_fill(part, values, dtype) for part in argument])
    return argument


def _has_hooks(layer: Any) -> bool:
    return bool(layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks)


def _plan(network: Any) -> list[_Step] | None:
    """Returns the steps of a run of `network`, or None where it must be called as a whole."""
    if not has_graph(network) or len(network.inputs) != 1 or len(network.outputs) != 1:
        return None
    if type(network).call not in (type(keras.Model(network.inputs, network.outputs)).call, keras.Sequential.call):
        return None
    function = keras.Function(network.inputs, network.outputs)
    slots = {id(network.inputs[0]): _Slot(0)}
    steps = []
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            made = node.is_input or id(node.outputs[0]) in slots
            if made or any(id(tensor) not in slots for tensor in node.input_tensors):
                continue
            step = _step(node, slots)
            if step is None:
                return None
            steps.append(step)
    # The last step makes the output.
    return steps if steps and steps[-1].outputs == [slots[id(network.outputs[0])]] else None


def _step(node: Any, slots: dict[int, _Slot]) -> _Step | None:
    import torch

    operation, arguments = node.operation, node.arguments
    is_layer = isinstance(operation, keras.Layer)
    makes_mask = is_layer and not has_graph(operation) and type(operation).compute_mask not in _PASSES_MASK
    if makes_mask or any(isinstance(value, keras.KerasTensor) for value in keras.tree.flatten(arguments.kwargs)):
        return None
    filled = keras.tree.map_structure(lambda x: slots[id(x)] if isinstance(x, keras.KerasTensor) else x, arguments.args)
    outputs = [slots.setdefault(id(output), _Slot(len(slots))) for output in node.outputs]
    call, dtype, scope, takes_training = operation, None, None, is_layer
    constants = dict(arguments.kwargs)
    if is_layer:
        constants = {name: value for name, value in constants.items() if name != "training" and value is not None}
    if is_layer and has_graph(operation) and len(filled) == 1 and not constants:
        call = Direct(operation)
    elif is_layer and not constants and _is_plain(operation):
        call = operation.call
        takes_training = "training" in inspect.signature(call).parameters
        if operation.autocast:
            dtype = getattr(torch, operation.compute_dtype)
            if operation.variables and operation.compute_dtype != operation.variable_dtype:
                scope = AutocastScope(operation.compute_dtype)
    elif not is_layer and type(operation).__call__ is keras.Operation.__call__ and not operation._remat_mode:
        call = operation.call
    settings = {
        training: {**constants, **({"training": training} if takes_training else {})} for training in (False, True)
    }
    return _Step(call, filled, dtype, settings, scope, outputs)


def _is_plain(layer: Any) -> bool:
    """Tells whether `call` and a cast are all that `layer` needs."""
    return (
        type(layer).__module__.split(".")[0] in ("keras", "kerastricks")
        and type(layer).__call__ is keras.Layer.__call__
        and not list(layer._flatten_layers(include_self=False))
        and layer.built
        and layer.activity_regularizer is None
        and layer.quantization_mode is None
        and not layer._remat_mode
        and set(layer._call_context_args) == {"training"}
    )
