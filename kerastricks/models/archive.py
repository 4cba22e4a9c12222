"""Opens the `.keras` files of strangers: they are to hold data, and what is more than that is refused.

Keras' safe mode is no sandbox, as its documentation says: this looks before Keras does, at the names and sizes of what
is in the archive, and at all that its configuration asks for. SECURITY.md tells what is refused.
"""

import json
import os
import stat
import textwrap
import warnings
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import keras

from kerastricks.data.names import shown

CONFIG = "config.json"
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt")
_CODE = ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper")
# Where the parts of a network are from. Other modules of Keras download, read and write files, and set what is global.
_ROOMS = {"keras", "builtins"} | {
    f"keras.{room}"
    for room in (
        *("activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models"),
        *("ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy", "optimizers", "optimizers.schedules", "quantizers"),
        *("random", "regularizers"),
    )
}
_CLASSES_ALONE = ("keras.src.", "keras_hub.")  # Keras takes nothing but classes of layers and the like from there
_MOST_EXPANSION, _LEAST_BOMB = 100, 1 << 26  # times, bytes


def load(path: str | os.PathLike[str], compiled: bool = False) -> Any:
    """Returns the model in a `.keras` file; nothing of the file is run.

    Args:
        path: The file.
        compiled: Whether the model is compiled as the file says, with the state of its optimizer.

    Raises:
        ValueError: If it is no `.keras` file, asks for more than layers and weights, or Keras cannot open it.
    """
    check(path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            model = keras.saving.load_model(path, compile=compiled, safe_mode=True)
        except (MemoryError, OSError):
            raise
        except Exception as error:
            inner = str(error).rpartition("Exception encountered: ")[2]  # what comes before is the whole configuration
            reason = textwrap.shorten(f"{type(error).__name__}: {inner}", 300, placeholder=" …").rstrip(" :.")
            raise ValueError(f"{shown(path)} cannot be opened as a Keras model: {shown(reason)}.") from error
    for warning in said:  # where nothing failed they are news
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return model


def check(path: str | os.PathLike[str]) -> None:
    """Raises a `ValueError` if a file is no `.keras` file, or asks for more than layers and weights."""
    refuse_format(path)
    with opened(path) as archive:
        if CONFIG not in archive.namelist():
            raise ValueError(f"{shown(path)} cannot be opened as a Keras model: it holds no {CONFIG}.")
        check_config(archive.read(CONFIG), path)


def refuse_format(path: str | os.PathLike[str]) -> None:
    """Raises a `ValueError` for a model in a form that can run code when it is opened; the file need not be there."""
    name, lower = shown(path), os.fspath(path).lower()
    anew = "Open it where you trust it, and save the model anew as .keras."
    if lower.endswith(".weights.h5"):
        raise ValueError(
            f"{name} holds weights without a network. Pass it with --weights, beside the --model it is of."
        )
    if lower.endswith((".h5", ".hdf5")):
        raise ValueError(
            f"{name} is refused: Keras' older form, HDF5, can hold code that runs when it is opened. {anew}"
        )
    if lower.endswith(_PICKLES):
        raise ValueError(f"{name} is refused: it is a pickle by its name, and a pickle runs the code it holds. {anew}")
    if Path(path, "saved_model.pb").is_file():
        raise ValueError(f"{name} is refused: a SavedModel is a program, which can read and write files. {anew}")


def opened(path: str | os.PathLike[str]) -> zipfile.ZipFile:
    """Returns the archive of a `.keras` file, whose entries stay in their place and in their size.

    Raises:
        ValueError: If there is no file, it is no archive, or holds an entry with another path, a link, or a bomb.
    """
    name = shown(path)
    if not os.path.isfile(path):
        raise ValueError(f"There is no model file {name}.")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{name} cannot be opened as a Keras model: it is no zip archive, or not a whole one.")
    archive = zipfile.ZipFile(path)
    for entry in archive.infolist():
        inner = PurePosixPath(entry.filename.replace("\\", "/"))
        if (
            inner.is_absolute()
            or ".." in inner.parts
            or ":" in entry.filename
            or stat.S_ISLNK(entry.external_attr >> 16)
        ):
            reason = f"its entry {entry.filename!r} leads out of the archive"
        elif entry.file_size > max(_LEAST_BOMB, _MOST_EXPANSION * entry.compress_size):
            reason = f"its entry {entry.filename!r} grows from {entry.compress_size:,} to {entry.file_size:,} bytes"
        else:
            continue
        archive.close()
        raise ValueError(f"{name} is refused: {reason}, as none that Keras writes. Save the model anew.")
    return archive


def check_config(text: bytes | str, path: str | os.PathLike[str]) -> None:
    """Raises a `ValueError` if the configuration of a model asks for code of its own, or for what is no part of one.

    Args:
        text: The configuration, JSON.
        path: Where it is from, for errors.
    """
    name = shown(path)
    try:
        waiting = [json.loads(text)]
    except (ValueError, RecursionError):
        raise ValueError(f"{name} cannot be opened as a Keras model: its configuration is damaged.") from None
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            if "class_name" in value:
                _check_part(value, name)


def _check_part(part: dict[str, Any], name: str) -> None:
    title, module = str(part["class_name"]), part.get("module")
    if title in _CODE:
        what = "a Lambda" if "ambda" in title else f"a {title}"
        raise ValueError(
            f"{name} cannot be opened: it holds Python code, as {what} layer does, and code of a file is not run. "
            "Save the model with layers of Keras, or of a class that is registered, in its place."
        )
    if title == "function" and isinstance(part.get("config"), str):
        title = part["config"]
    registered = part.get("registered_name")
    if isinstance(registered, str) and keras.saving.get_registered_object(registered) is not None:
        return
    if module is None or module in _ROOMS or str(module).startswith(_CLASSES_ALONE):
        return
    asked = shown(f"{module}.{title}")
    raise ValueError(
        f"{name} is refused: it asks for {asked}, which is no layer of Keras and not registered here. If you trust it, "
        "import the class that it needs in a recipe, registered by keras.saving.register_keras_serializable."
    )


def check_weights(file: h5py.File, path: str | os.PathLike[str]) -> None:
    """Raises a `ValueError` if a file of weights takes some from elsewhere, or grows beyond what it holds."""

    def check(name: str, item: Any) -> None:
        if isinstance(item, h5py.Group):
            linked = [key for key in item if not isinstance(item.get(key, getlink=True), h5py.HardLink)]
            if linked:
                raise ValueError(f"{shown(path)} is refused: its weights {name}/{linked[0]} are a link.")
            return
        size, stored = item.size * item.dtype.itemsize, item.id.get_storage_size()
        if item.external or item.is_virtual:
            raise ValueError(f"{shown(path)} is refused: its weights {name} lie in another file.")
        if size > max(_LEAST_BOMB, _MOST_EXPANSION * stored):
            raise ValueError(f"{shown(path)} is refused: its weights {name} grow from {stored:,} to {size:,} bytes.")

    check("", file)
    file.visititems(check)
