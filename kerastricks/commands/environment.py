"""What figures belong to: backend, versions, hardware."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras

from kerastricks.models.precision import accelerator_name, computes_bfloat16_fast


def environment() -> dict[str, Any]:
    """Returns the backend, versions and hardware that figures of this process belong to."""
    names = ("kerastricks", "keras", "numpy", "tensorflow", "tensorflow-cpu", "jax", "torch")
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    low = "bfloat16 in hardware" if computes_bfloat16_fast() else "no bfloat16 in hardware"
    return {
        "backend": keras.backend.backend(),
        "versions": versions,
        "hardware": ", ".join(filter(None, (_processor(), f"{os.cpu_count()} cores", accelerator_name(), low))),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
