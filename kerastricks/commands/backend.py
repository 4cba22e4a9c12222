"""Which backend Keras is to run on, chosen before it is imported."""

import difflib
import importlib.util
import json
import os
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")


def choose_backend(asked: str | None = None) -> None:
    """Sets KERAS_BACKEND to what is asked for, or is set there, or else to the first backend that is installed."""
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    chosen = asked or os.environ.get("KERAS_BACKEND") or _configured()
    if chosen is None:
        if not installed:
            raise ValueError("No backend is installed. Install one with: pip install 'kerastricks[tensorflow]'")
        chosen = installed[0]
    elif chosen not in BACKENDS:
        near = difflib.get_close_matches(chosen, BACKENDS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"Unknown backend '{chosen}'.{hint} Known: {', '.join(BACKENDS)}.")
    elif chosen not in installed:
        raise ValueError(
            f"The backend '{chosen}' is not installed. Install it with: pip install 'kerastricks[{chosen}]', "
            f"or set KERAS_BACKEND to one that is: {', '.join(installed) or 'none'}."
        )
    os.environ["KERAS_BACKEND"] = chosen
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _configured() -> str | None:
    """Returns the backend of Keras' own file, if it is installed: Keras writes the file itself, so it is no order."""
    path = Path(os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras")), "keras.json")
    try:
        name = json.loads(path.read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return name if name in BACKENDS and importlib.util.find_spec(name) else None
