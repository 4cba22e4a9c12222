"""All that a run consists of between two batches, as arrays and plain values: out of a run, and into one."""

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerastricks import keras_private
from kerastricks.data.randomness import generator
from kerastricks.training.checkpoint_file import Saved


class Position(NamedTuple):
    """Where a run stands: `step` batches of `epoch` are done, both counted from 0.

    At `step` 0 nothing of the epoch has happened; when all its batches are done, its validation is still to come.
    """

    epoch: int
    step: int


def take(engine: Any, callbacks: Sequence[Any], metrics: dict[str, np.ndarray] | None = None) -> Saved:
    """Returns the state of a run between two batches: a copy.

    Args:
        engine: The `Engine`, with values in all its variables.
        callbacks: Keras callbacks, whose public attributes that are plain values or arrays are taken; those are not
            that `remember` found before the run and that have not changed since: they are settings.
        metrics: See `metrics_of`; by default as they are.
    """
    arrays = {key: _value(variable) for key, variable in _variables(engine).items()}
    arrays |= metrics_of(engine) if metrics is None else metrics
    arrays |= generators()
    said = [
        {"class": type(callback).__name__, "values": _plain(_changed(callback), arrays, f"callback/{index}")}
        for index, callback in enumerate(callbacks)
    ]
    known = {name: getattr(engine, name) for name in ("begun", "rate_factor", "notes", "stop_training")}
    known["stages"] = sum(epoch <= engine.stage for epoch, actions in engine.stages.items() if actions)  # entered
    return Saved({**known, "callbacks": said}, arrays)


def remember(callbacks: Sequence[Any]) -> None:
    """Notes the settings of callbacks before a run, which `take` leaves out."""
    for callback in callbacks:
        callback._settings_before = public(callback)


def _changed(callback: Any) -> dict[str, Any]:
    before = getattr(callback, "_settings_before", {})
    return {name: value for name, value in public(callback).items() if not _same(before.get(name, before), value)}


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and isinstance(other, bool | int | float | str | None) and one == other


def put_variables(engine: Any, saved: Saved, source: str) -> None:
    """Puts the weights, the optimizer and all seeds of a state into an engine, and the generators of the process.

    Raises:
        ValueError: If the state has a variable that the engine lacks, lacks one of its own, or one differs in shape;
            nothing has been changed then.
    """
    wanted = _variables(engine)
    found = {key: array for key, array in saved.arrays.items() if key.startswith(_KINDS)}
    for key in [*wanted, *found]:
        shapes = [tuple(side[key].shape) if key in side else "nothing" for side in (found, wanted)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{source} belongs to another run: it holds {shapes[0]} as {key}, where this run has {shapes[1]}. "
                "Pass the model and the recipe that it was made with, or another directory."
            )
    for key, variable in wanted.items():
        variable.assign(found[key])
    put_generators(saved.arrays)


def put_metrics(engine: Any, saved: Saved) -> None:
    """Puts back what the metrics knew of the epoch that was begun."""
    for key, variable in _metrics(engine).items():
        if key in saved.arrays:
            variable.assign(saved.arrays[key])


def put_callbacks(callbacks: Sequence[Any], saved: Saved, begin: bool = False) -> None:
    """Puts back what callbacks knew, the first of a class to the first of that class, and so on.

    Args:
        callbacks: The callbacks.
        saved: The state.
        begin: Whether plain values that the state leaves out become again what `remember` found.
    """
    known = list(saved.header["callbacks"])
    for callback in callbacks:
        for name, value in getattr(callback, "_settings_before", {}).items() if begin else ():
            if all(isinstance(one, bool | int | float | str | None) for one in (value, getattr(callback, name, None))):
                setattr(callback, name, value)
        said = next((said for said in known if said["class"] == type(callback).__name__), None)
        if said is not None:
            known.remove(said)
            for name, value in _unplain(said["values"], saved.arrays).items():
                own = getattr(callback, name, None)
                if isinstance(own, dict) and isinstance(value, dict):  # others may hold it, too
                    own.clear()
                    own.update(value)
                else:
                    setattr(callback, name, value)


def metrics_of(engine: Any) -> dict[str, np.ndarray]:
    """Returns what the metrics know of the epoch that was begun: a copy."""
    return {key: _value(variable) for key, variable in _metrics(engine).items()}


def metrics_in(saved: Saved) -> dict[str, np.ndarray]:
    """Returns what a state holds of the metrics."""
    return {key: array for key, array in saved.arrays.items() if key.startswith("metrics/")}


def is_finite(saved: Saved) -> bool:
    """Tells whether all weights and averages of a state are numbers."""
    return all(
        np.isfinite(array).all()
        for key, array in saved.arrays.items()
        if key.startswith(_KINDS[0]) and array.dtype.kind == "f"
    )


_KINDS = ("network/", "optimizer/")


def _variables(engine: Any) -> dict[str, Any]:
    """Returns all variables by a key that is the same in every process: Keras counts layers on in their paths."""
    if not engine.optimizer.built:  # before its first step TensorFlow has none
        engine.optimizer.build(engine.trainable_variables)
    sides = zip(_KINDS, (engine.variables, engine.optimizer.variables), strict=True)
    return {f"{kind}{index:05}/{_uncounted(v.name)}": v for kind, side in sides for index, v in enumerate(side)}


def _metrics(engine: Any) -> dict[str, Any]:
    return {f"metrics/{index:03}/{_uncounted(v.name)}": v for index, v in enumerate(engine.metrics_variables)}


def _uncounted(name: str) -> str:
    return re.sub(r"_\d+(?=_|$)", "", name)


def _value(variable: Any) -> np.ndarray:
    """Returns a copy of a variable's value; bfloat16, which NumPy's files do not know, as float32."""
    value = np.array(ops.convert_to_numpy(variable))
    return value if value.dtype.kind in "biuf" and value.dtype.name != "bfloat16" else value.astype("float32")


def seed_step(seed: int, step: int) -> None:
    """Seeds PyTorch for the batch at a global step: its dropout draws from a generator that all share.

    So what a batch draws does not depend on what was drawn before, as for the batches themselves.
    """
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(int(generator(seed, "torch", step).integers(2**63)))


def generators() -> dict[str, np.ndarray]:
    """Returns the states of the generators that layers, callbacks and data sets of users' may draw from."""
    version, words, gauss = random.getstate()
    numpy: Any = np.random.get_state()
    states = {
        "random/python": np.array([version, *words], "int64"),
        "random/python_gauss": np.array([] if gauss is None else [gauss], "float64"),
        "random/numpy": numpy[1],
        "random/numpy_rest": np.array(numpy[2:], "float64"),
    }
    if (seed := keras_private.global_seed()) is not None:
        states["random/keras"] = _value(seed)
    return states


def put_generators(arrays: dict[str, np.ndarray]) -> None:
    """Puts those states back."""
    if "random/keras" in arrays and (seed := keras_private.global_seed(True)) is not None:
        seed.assign(arrays["random/keras"])
    version, *words = arrays["random/python"].tolist()
    gauss = arrays["random/python_gauss"].tolist()
    random.setstate((version, tuple(words), gauss[0] if gauss else None))
    position, has_gauss, cached = arrays["random/numpy_rest"].tolist()
    np.random.set_state(("MT19937", arrays["random/numpy"], int(position), int(has_gauss), cached))


def public(callback: Any) -> dict[str, Any]:
    """Returns the attributes of a callback that are not private, nor Keras' own for the length of a call."""
    if isinstance(callback, keras.callbacks.ProgbarLogger):
        return {}
    # Keras turns the sign of `min_delta` whenever a run begins.
    own = ("model", "params", "validation_data", "min_delta")
    return {name: value for name, value in vars(callback).items() if not name.startswith("_") and name not in own}


def _plain(values: dict[str, Any], arrays: dict[str, np.ndarray], where: str) -> dict[str, Any]:
    """Returns the values that are plain, or arrays, in any depth; arrays go to `arrays` and leave their names."""

    def plain(value: Any, key: str) -> Any:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.ndarray | np.generic):
            arrays[key] = np.array(value)
            return {"array": key}
        if isinstance(value, list | tuple):
            parts = [plain(part, f"{key}/{index}") for index, part in enumerate(value)]
            return {"list" if isinstance(value, list) else "tuple": parts}
        if isinstance(value, dict) and all(isinstance(name, str | int) for name in value):
            return {"dict": [[name, plain(part, f"{key}/{name}")] for name, part in value.items()]}
        raise TypeError

    found = {}
    for name, value in values.items():
        known = len(arrays)
        try:
            found[name] = plain(value, f"{where}/{name}")
        except TypeError:  # an object: not of a kind that a file of arrays can hold
            for key in [*arrays][known:]:
                del arrays[key]
    return found


def _unplain(values: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    unfold: dict[str, Callable[[Any], Any]] = {
        "array": lambda key: arrays[key] if arrays[key].ndim else arrays[key][()],
        "list": lambda parts: [value(part) for part in parts],
        "tuple": lambda parts: tuple(value(part) for part in parts),
        "dict": lambda parts: {name: value(part) for name, part in parts},
    }

    def value(said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        ((kind, content),) = said.items()
        return unfold[kind](content)

    return {name: value(said) for name, said in values.items()}
