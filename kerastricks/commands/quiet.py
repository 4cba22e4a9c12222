"""What libraries print of their own accord, kept from the command line. Keras is not imported here."""

import contextlib
import importlib.abc
import importlib.machinery
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

# Levels I(nformation) and W(arning) of absl, whose lines precede its initialization whatever the level asked for.
_NOISE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IW]\d{4} \d\d:\d\d:\d\d|[IW]0000 00:00:|"
    rb"\d{4}-\d\d-\d\d .*?: [IW] |To enable the following instructions:"
)


def tensorflow() -> None:
    """Drops what TensorFlow's C++ says on standard error whenever it is imported, but for errors.

    Keras imports TensorFlow on the other backends too, in the midst of a run.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(fullname, path) if fullname == "tensorflow" else None
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                with without_noise():
                    execute(module)

            spec.loader.exec_module = exec_module
        return spec


@contextlib.contextmanager
def without_noise() -> Iterator[None]:
    """Holds standard error back, of C++ too, and lets it out in the end without its noise; with all if this fails.

    A process that dies meanwhile takes it along: KERASTRICKS_DEBUG leaves standard error alone.
    """
    if os.environ.get("KERASTRICKS_DEBUG") or not _is_open(2):
        yield
        return
    sys.stderr.flush()
    kept, failed = os.dup(2), True
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
            failed = False
        finally:
            with contextlib.suppress(OSError):
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            said = [line for line in file if failed or not _NOISE.match(line)]
            with contextlib.suppress(OSError):
                os.write(2, b"".join(said))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return sys.stderr is not None


def plain_warnings() -> None:
    """Shows each warning as one line with who warns; hides those that are for programmers of other libraries."""
    warnings.showwarning = _show
    for library in ("matplotlib", "tensorflow"):  # the want of a home directory; advice on functions that Keras made
        logging.getLogger(library).setLevel(logging.ERROR)


def _show(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    """Takes the place of `warnings.showwarning`."""
    library = _who()
    programmers = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ResourceWarning, ImportWarning)
    if library != "kerastricks" and issubclass(category, programmers):
        return
    with contextlib.suppress(OSError, AttributeError):
        print(f"{library}: {' '.join(str(message).split())}", file=file or sys.stderr)


def _who() -> str:
    """Returns the package of the code that called `warnings.warn`, whatever `stacklevel` blames."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") in (__name__, "warnings"):
        frame = frame.f_back
    name = str(frame.f_globals.get("__name__", "python"))
    return "kerastricks" if name == "__main__" else name.removeprefix("kerastricks_recipe_").partition(".")[0]
