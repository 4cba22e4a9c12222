"""What is said of an exception on the command line, and the exit status. Keras is not imported here.

Status 2 stands for what the user can mend, 1 for a machine that fails and for what was not foreseen, 3 for a loss that
is no number, 130 and 143 for Ctrl-C and SIGTERM.
"""

import contextlib
import errno
import math
import os
import re
import sys
import sysconfig
import textwrap
import traceback
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kerastricks.commands import memory, output
from kerastricks.commands.model_task import ModelTask
from kerastricks.commands.output import drop_output, of_output
from kerastricks.commands.task import Task
from kerastricks.training.divergence import Diverged
from kerastricks.training.signals import Terminated

_PACKAGE = Path(__file__).parents[1]
_LIBRARIES = tuple({sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_INSTALLED = {"site-packages", "dist-packages"}
_MACHINES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)

IMAGE_FLAGS, MODEL_FLAGS = "--batch-size or --image-size", "--batch-size"


class MachineError(ValueError):
    """The machine failed, and not a setting."""


def ended(error: BaseException, task: Task | ModelTask | None, printer: str) -> tuple[str, int]:
    """Returns what to say at the end of a command that raised, and the exit status.

    Args:
        error: What it raised.
        task: What it was asked, if that is known.
        printer: The file that prints.
    """
    if isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError):
        drop_output()
        return "", 141  # as a tool that the signal ends: `| head` has what it wants
    if isinstance(error, SystemExit) and not isinstance(error, Terminated):
        return "", error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, OSError) and of_output(error, printer):
        drop_output()
        return f"standard output: {error.strerror}", 1
    return explain(error, task)


def explain(error: BaseException, task: Task | ModelTask | None = None) -> tuple[str, int]:
    """Returns what to say of an exception, one line unless it is from a file of the user's, and the exit status."""
    recipe = str(getattr(task, "recipe", ""))
    frames = traceback.extract_tb(error.__traceback__)
    ours = bool(frames) and _is_refusal(frames[-1])
    reason = first_line(error)
    if isinstance(error, MachineError):
        return reason, 1
    if isinstance(error, Diverged):
        return str(error), 3
    if isinstance(error, Terminated):
        return f"ended by SIGTERM; {str(error) or 'nothing was written'}", 143
    if isinstance(error, KeyboardInterrupt):
        return f"stopped; {str(error) or 'nothing was written'}", 130
    if recipe.endswith(".py") and (own := own_lines(error)):
        return f"The recipe file {recipe} raised:\n{own}", 2
    if isinstance(error, ValueError) and ours:
        return str(error), 2
    if task is not None and any(Path(frame.filename) == _PACKAGE / "models" / "build.py" for frame in frames):
        return of_model(str(task.model), error), 2
    if ran_out_of_memory(error):
        side = getattr(task, "image_size", None)
        flags = MODEL_FLAGS if isinstance(task, ModelTask) else IMAGE_FLAGS
        return _too_large(getattr(task, "batch_size", None), (side, side) if side else (), flags=flags), 2
    if isinstance(error, OSError):
        return _of_file(error, task), 1 if error.errno in _MACHINES else 2
    if isinstance(error, RuntimeError) and "home directory" in reason:
        return "There is no home directory to keep decoded images in. Set HOME, or KERASTRICKS_CACHE to a directory.", 2
    if platform := _lacking_platform():
        return f"JAX finds no device. Received: JAX_PLATFORMS={platform}. Leave it out, or set JAX_PLATFORMS=cpu.", 2
    said = f"{named(error)}"
    if recipe.endswith(".py"):
        return f"{said}. Perhaps a hook in {recipe} returned what it should not. --debug shows where it happened.", 2
    return f"{said}. This was not foreseen: run again with --debug to see where it happened.", 1


def _is_refusal(frame: traceback.FrameSummary) -> bool:
    """Returns whether the package itself raised, and not Python at one of its lines."""
    return Path(frame.filename).is_relative_to(_PACKAGE) and (frame.line or "raise").startswith("raise")


def first_line(error: BaseException) -> str:
    """Returns the message of an exception as one line: its first, and the next where that one says nothing alone."""
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()] or [""]
    alone = not lines[0].endswith(":") and not lines[0].startswith("Exception encountered when calling")
    return textwrap.shorten(" ".join(lines[: 1 if alone else 2]), 300, placeholder=" …")


def named(error: BaseException) -> str:
    """Returns type and message of an exception, as `KeyError: 'config'`, without a full stop."""
    return f"{type(error).__name__}: {first_line(error)}".rstrip(" :.")


def own_lines(error: BaseException, most: int = 3) -> str:
    """Returns the last lines of a traceback that are neither ours nor a library's, and the exception; or nothing."""
    frames = _own_frames(error)
    if not frames:
        return ""
    return f"{''.join(traceback.format_list(frames[-most:]))}{type(error).__name__}: {error}".rstrip(" :")


def own_place(error: BaseException) -> str:
    """Returns the last of those lines in short, as ` in mine.py, line 7`; or nothing."""
    return "".join(f" in {Path(frame.filename).name}, line {frame.lineno}" for frame in _own_frames(error)[-1:])


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)]


def _is_own(name: str) -> bool:
    path = Path(name)
    libraries = _INSTALLED & set(path.parts) or any(map(path.is_relative_to, _LIBRARIES))
    return path.is_file() and not path.is_relative_to(_PACKAGE) and not libraries


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Returns whether an exception of Python's, NumPy's or a backend's says that memory ran out."""
    words = ("OutOfMemoryError", "ResourceExhaustedError", "RESOURCE_EXHAUSTED", "can't allocate memory")
    full = isinstance(error, OSError) and error.errno == errno.ENOMEM
    return full or isinstance(error, MemoryError) or any(word in repr(error) for word in words)


def check_memory(batch_size: int, shape: Sequence[int], flags: str = IMAGE_FLAGS) -> None:
    """Raises a `ValueError` if the images (H, W, C) of a batch alone take more memory than the machine has.

    Args:
        batch_size: Images in a batch.
        shape: Height, width and channels.
        flags: What the user is to make smaller.
    """
    needed, there = 4 * batch_size * math.prod(shape), memory.installed()
    if there and needed > there:
        figures = f": {needed / 1e9:,.0f} GB of {there / 1e9:,.0f} GB"
        raise ValueError(_too_large(batch_size, shape[:2], figures, flags))


@contextlib.contextmanager
def within_memory(batch_size: int, shape: Sequence[int], smaller: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Says it in a line where training on batches of images (H, W, C) does not fit into memory.

    Args:
        batch_size: Images in a batch.
        shape: Height, width and channels.
        smaller: Returns a batch size that should fit, or 0 where none is known.

    Raises:
        ValueError: See `check_memory`; or if memory runs out meanwhile.
    """
    check_memory(batch_size, shape)
    try:
        yield
    except MachineError:
        raise
    except Exception as error:
        if any(map(ran_out_of_memory, (error, error.__cause__, error.__context__))):
            raise ValueError(_too_large(batch_size, shape[:2]) + _in_parts(batch_size, smaller())) from error
        raise


def _in_parts(batch_size: int, fits: int) -> str:
    """Returns how to train on a smaller batch with the same updates, at the same learning rate."""
    if not 0 < fits < batch_size:
        return ""
    steps = -(-batch_size // fits)
    return (
        f" --batch-size {fits} should fit; with --with GradientAccumulation:steps={steps} an update still sees as many "
        "images, at the same learning rate."
    )


def _too_large(batch_size: int | None, sides: Sequence[int], figures: str = "", flags: str = IMAGE_FLAGS) -> str:
    images = f"images of {'×'.join(map(str, sides))} pixels" if sides else "images"
    count = f"{batch_size:,} {images}" if batch_size else images
    return f"The memory is too small for {count} in a batch{figures}. Pass a smaller {flags}."


def of_model(model: str, error: BaseException) -> str:
    """Returns what to say of a model, by its name or its file, that cannot be built or opened."""
    if not model.endswith(".keras"):
        return f"The model {model} cannot be built: {first_line(error)}"
    if Path(model).is_file() and not zipfile.is_zipfile(model):
        return f"{model} cannot be opened as a Keras model: it is no zip archive, or not a whole one."
    if "safe_mode" in str(error):
        return (
            f"{model} cannot be opened: it holds Python code, as a Lambda layer does, and code of a file is not run. "
            "Save the model with layers of Keras, or of a class that is registered, in its place."
        )
    return f"{model} cannot be opened as a Keras model: {named(error)}"


def _of_file(error: OSError, task: Task | ModelTask | None) -> str:
    """Returns the reason of the system's and the file; where it names none, the directory that is written to."""
    place = error.filename
    if place is None and task is not None and hasattr(task, "out"):
        place = task.out or "runs"
    if place is None:
        return error.strerror or first_line(error)
    return f"{os.fsdecode(place)}: {output.reason(error, Path(os.fsdecode(place)))}"


def _lacking_platform() -> str | None:
    """Returns JAX_PLATFORMS where JAX runs and has no such device."""
    asked, jax = os.environ.get("JAX_PLATFORMS"), sys.modules.get("jax")
    if os.environ.get("KERAS_BACKEND") != "jax" or not asked or jax is None:
        return None
    found: Any = None
    with contextlib.suppress(Exception):
        found = jax.devices()
    return None if found else asked
