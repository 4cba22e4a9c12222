"""The memory of this process, and of the machine."""

import contextlib
import ctypes
import gc
import os
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_MEMINFO = Path("/proc/meminfo")
_LIMITS = tuple(
    (Path("/sys/fs/cgroup", limit), Path("/sys/fs/cgroup", used))
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    )
)
_RESET = Path("/proc/self/clear_refs")


def reset_peak() -> int:
    """Gives free memory back and lets `peak` count anew, where the system can, on Linux; returns the bytes held.

    Elsewhere `peak` counts from the start of the process, and that is what this returns.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        _RESET.write_text("5")
    return peak()


def peak() -> int:
    """Returns the greatest resident memory of this process, in bytes; that of a GPU is not counted."""
    lines = _STATUS.read_text().splitlines() if _STATUS.exists() else []
    found = next((line for line in lines if line.startswith("VmHWM")), None)
    if found is not None:
        return int(found.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def available() -> int:
    """Returns the memory that this process can still get without swapping, in bytes, or 0 where nobody says.

    That is the least of what the kernel says and what the limits of a container leave.
    """
    found = []
    lines = _MEMINFO.read_text().splitlines() if _MEMINFO.exists() else []
    found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    for limit, used in _LIMITS:
        with contextlib.suppress(OSError, ValueError):
            found.append(max(1, int(limit.read_text()) - int(used.read_text()) + _reclaimable(used.parent)))
    return min(found, default=0)


def _reclaimable(group: Path) -> int:
    """Returns the bytes of files that a container keeps in memory and gives up when it needs room."""
    with contextlib.suppress(OSError, ValueError):
        for line in (group / "memory.stat").read_text().splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    return 0


def installed() -> int:
    """Returns the memory of the machine in bytes, or 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0
