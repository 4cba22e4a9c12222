"""The memory of this process."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def reset_peak() -> None:
    """Lets `peak` count from now on, where the system can: on Linux; elsewhere it counts from the start."""
    if _RESET.exists():
        _RESET.write_text("5")


def peak() -> int:
    """Returns the greatest resident memory of this process, in bytes; that of a GPU is not counted."""
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
