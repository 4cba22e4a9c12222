"""Slow weights that follow the weights of an optimizer, and call them back."""

from collections.abc import Callable
from typing import Any

from keras import ops

from kerastricks.optimizers.sgd import batch_counter


def look_ahead(optimizer: Any, steps: int, step_size: Callable[[Any], Any], updates: int | None = None) -> Any:
    """Makes an optimizer look ahead: after every `steps` updates its weights go back to slow ones, which follow them.

        slow = slow + step_size * (fast - slow),  fast = slow

    The slow weights begin as the weights of the model that the optimizer is built for. They are variables of the
    optimizer, its last, and it is of the same class and config as before.

    Args:
        optimizer: A Keras optimizer that is not built yet; it is changed in place.
        steps: Updates between two moves of the slow weights.
        step_size: Function from the number of updates so far, in float32, to the step size of the slow weights.
        updates: Updates that the optimizer will make; the last of at least `steps` ends at the slow weights. None if
            unknown.

    Reference: Zhang et al., 2019, arXiv:1907.08610.
    """
    build, apply = optimizer.build, optimizer.apply
    pairs: list[tuple[Any, Any]] = []
    last = updates if updates is not None and updates >= steps else 0  # no update has the number 0

    def build_both(variables: Any) -> None:
        build(variables)
        for variable in variables:
            # A copy: JAX gives its buffers to the step, and none may be given twice.
            beginning = _copying(variable)
            pairs.append((variable, optimizer.add_variable_from_reference(variable, "slow", beginning)))

    def apply_both(grads: Any, trainable_variables: Any = None) -> None:
        apply(grads, trainable_variables)
        accumulation = optimizer.gradient_accumulation_steps or 1
        batches = ops.convert_to_tensor(batch_counter(optimizer))
        due = ops.equal(batches % (steps * accumulation), 0)
        back = ops.logical_or(due, ops.equal(batches, last * accumulation))
        size = step_size(ops.cast(batches // accumulation, "float32"))
        for fast, slow in pairs:
            ahead = ops.convert_to_tensor(fast)
            behind = ops.convert_to_tensor(slow)
            moved = ops.where(due, behind + ops.cast(size, slow.dtype) * (ahead - behind), behind)
            slow.assign(moved)
            fast.assign(ops.where(back, moved, ahead))

    optimizer.build, optimizer.apply = build_both, apply_both
    return optimizer


def _copying(variable: Any) -> Callable[..., Any]:
    """Returns an initializer whose values are those of a variable."""
    return lambda shape, dtype=None: ops.copy(ops.convert_to_tensor(variable))
