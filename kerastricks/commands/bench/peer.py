"""Native PyTorch in a process of its own, to be measured beside Keras on any backend."""

import importlib.util
import multiprocessing
import os
import time
from typing import Any

from kerastricks.models.precision import computes_bfloat16_fast


class Peer:
    """Native PyTorch in a process of its own, which waits for its turns; in the precision in which it is faster.

    Attributes:
        refusal: Why there is none, or None.
        precision: `float32` or `bfloat16`.
    """

    def __init__(self, model: str, shape: dict[str, Any], batch_size: int, steps: int):
        self.precision = ""
        self.refusal: str | None = None if importlib.util.find_spec("torch") else "PyTorch is not installed"
        if self.refusal:
            return
        self._pipe, other = multiprocessing.Pipe()
        backend = os.environ.get("KERAS_BACKEND")
        os.environ["KERAS_BACKEND"] = "torch"  # of the child, which leaves the other backends' memory alone
        try:
            arguments = (other, model, shape, batch_size, steps, computes_bfloat16_fast())
            self._process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments, daemon=True)
            self._process.start()
        finally:
            if backend is None:
                del os.environ["KERAS_BACKEND"]
            else:
                os.environ["KERAS_BACKEND"] = backend
        other.close()
        self.refusal, self.precision = self._pipe.recv()

    def turn(self) -> float:
        self._pipe.send("go")
        return self._pipe.recv()

    def close(self) -> None:
        if hasattr(self, "_pipe"):
            self._pipe.close()
            self._process.join()


def _serve(pipe: Any, model: str, shape: dict[str, Any], batch_size: int, steps: int, bfloat16: bool) -> None:
    """Sends why there is no such network, or None, and the precision; then the seconds of a step for each message."""
    from kerastricks.commands.bench import native
    from kerastricks.models import build

    found: dict[str, tuple[float, Any]] = {}
    try:
        for precision in ("float32", *(["bfloat16"] if bfloat16 else [])):
            train = native.training(build(model, **shape), batch_size, steps, precision == "bfloat16")
            found[precision] = (min(_seconds(train) for _ in range(2)), train)  # the first call prepares kernels
    except ValueError as error:
        pipe.send((str(error), ""))
        return
    precision = min(found, key=lambda name: found[name][0])
    train = found.pop(precision)[1]
    found.clear()
    pipe.send((None, precision))
    try:
        while pipe.recv():
            pipe.send(_seconds(train) / steps)
    except EOFError:
        pass


def _seconds(train: Any) -> float:
    start = time.perf_counter()
    train()
    return time.perf_counter() - start
