"""Native PyTorch in a process of its own, to be measured beside Keras on any backend."""

import importlib.util
import multiprocessing
import os
import time
from typing import Any

from kerastricks.models.precision import computes_bfloat16_fast


class Peer:
    """Native PyTorch in a process of its own, which waits for its turns.

    Attributes:
        refusal: Why there is none, or None.
    """

    def __init__(self, model: str, shape: dict[str, Any], batch_size: int, steps: int):
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
        self.refusal = self._pipe.recv()

    def turn(self) -> float:
        self._pipe.send("go")
        return self._pipe.recv()

    def close(self) -> None:
        if hasattr(self, "_pipe"):
            self._pipe.close()
            self._process.join()


def _serve(pipe: Any, model: str, shape: dict[str, Any], batch_size: int, steps: int, bfloat16: bool) -> None:
    """Sends why there is no such network, or None; then the seconds of a step for each message."""
    from kerastricks.commands.bench import native
    from kerastricks.models import build

    try:
        train = native.training(build(model, **shape), batch_size, steps, bfloat16)
    except ValueError as error:
        pipe.send(str(error))
        return
    pipe.send(None)
    try:
        while pipe.recv():
            start = time.perf_counter()
            train()
            pipe.send((time.perf_counter() - start) / steps)
    except EOFError:
        pass
