"""Reads the tensors of a PyTorch state dict as NumPy arrays, without PyTorch and without running what the file says."""

import collections
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

# The form of `torch.save` before version 1.6: five pickles, then the storages, each its length and its bytes.
_MAGIC = 0x1950A86A20F9469CFC6C
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8", "HalfStorage": "<f2", "DoubleStorage": "<f8"}


class _Tensor:
    """A view of a storage that is yet to be read."""

    def __init__(self, storage: tuple, offset: int, shape: tuple, strides: tuple, *_: Any):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        flat = storages[self.storage[2]][self.offset :]
        strides = [stride * flat.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(flat, self.shape, strides).copy()


class _Unpickler(pickle.Unpickler):
    """Knows the names that a state dict needs, and no others."""

    def find_class(self, module, name):
        if module == "torch" and name in _TYPES:
            return name
        known = {"_rebuild_tensor_v2": _Tensor, "OrderedDict": collections.OrderedDict}
        if name not in known:
            raise ValueError(f"The file asks for {module}.{name}, which no state dict needs.")
        return known[name]

    def persistent_load(self, pid):
        return pid


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a state dict in the order of the file.

    Raises:
        ValueError: If the file has another form.
    """
    with open(path, "rb") as file:
        magic, _, _ = (_Unpickler(file).load() for _ in range(3))
        if magic != _MAGIC:
            raise ValueError(f"{path} is no state dict in the form of `torch.save` before version 1.6.")
        tensors = _Unpickler(file).load()
        keys = _Unpickler(file).load()
        kinds = {tensor.storage[2]: np.dtype(_TYPES[tensor.storage[1]]) for tensor in tensors.values()}
        storages = {}
        for key in keys:
            (count,) = struct.unpack("<q", file.read(8))
            storages[key] = np.frombuffer(file.read(count * kinds[key].itemsize), kinds[key])
    return {name: tensor.array(storages) for name, tensor in tensors.items()}
