"""Several devices under one run: they share its batches, and the run is that of one device."""

import importlib
from typing import Any

import keras

from kerastricks.training.devices.one import Devices
from kerastricks.training.trick import Plan


def choose(devices: Any, plan: Plan, synchronized: bool = True) -> Devices:
    """Returns the devices of a run.

    Args:
        devices: How many of this process, "all", or None: one, or all where several processes train together.
        plan: The plan of the run.
        synchronized: Whether BatchNormalization takes the moments of the whole batch, and not of each device's part.

    Raises:
        ValueError: If there are not so many, the backend cannot, or the batches are too small.
    """
    if devices not in (None, "all") and (isinstance(devices, bool) or not isinstance(devices, int) or devices < 1):
        raise ValueError(f"`devices` must be a number of at least 1, or 'all'. Received: devices={devices!r}")
    backend = keras.backend.backend()
    if backend == "torch":
        return _of_torch(devices)
    several: Any = importlib.import_module(f"{__name__}.{'mesh' if backend == 'jax' else 'mirrors'}")
    there = several.available()
    count = there if devices == "all" or (devices is None and several.processes() > 1) else devices or 1
    if count > there:
        raise ValueError(
            f"`devices` is more than there are: {there} for {backend} in this process. Received: devices={devices}. "
            f"Pass at most {there}, or 'all'. ({several.VIRTUAL})"
        )
    total = count * several.processes()
    if plan.batch_size < total:
        raise ValueError(
            f"A batch must hold an image for each device. Received: batch_size={plan.batch_size} and {total} devices. "
            "Raise the batch size, or use fewer devices."
        )
    return several.of(count, synchronized) if total > 1 else Devices()


def _of_torch(devices: Any) -> Devices:
    if devices in (None, 1):
        return Devices()
    raise ValueError(
        f"Keras {keras.__version__} trains on one device on PyTorch: its `DataParallel` comes with Keras 3.16. "
        f"Received: devices={devices}. Use KERAS_BACKEND=jax or tensorflow, or leave `devices` out."
    )
