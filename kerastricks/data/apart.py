"""Decoders that a damaged file can crash, in processes of their own.

A process that crashes takes the file with it that it decoded, and nothing else; the next file gets a new one. Each
serves one thread at a time, reads requests from its standard input, and ends with it: when this process ends, however
that happens, so do they.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import Any

from kerastricks.data.bad import BadImage

SERVE = "from kerastricks.data.child import serve; serve()"
SECONDS = 60  # a decoder that takes longer for a file is ended
READY = b"ready\n"

_idle: list["_Child"] = []


def ask(path: str | os.PathLike[str], size: int | None = None) -> tuple[dict[str, Any], bytes]:
    """Returns what another process reads from an image file: `width` and `height` of its header, or its pixels.

    Args:
        path: The file.
        size: Side in pixels to which the image is decoded; None for its header.

    Raises:
        BadImage: If the file is bad, or its decoder crashed.
        RuntimeError: If no process can be started.
    """
    child = _idle.pop() if _idle else _Child()
    try:
        answer, pixels = child.ask(os.fspath(path), size)
    except BaseException as error:
        status = child.end()
        if not isinstance(error, EOFError | OSError):
            raise
        slow = hasattr(signal, "SIGALRM") and status == -signal.SIGALRM
        reason = f"its decoder took more than {SECONDS} seconds" if slow else "its decoder crashed"
        raise BadImage(path, reason, "read" if size is None else "decode") from None
    _idle.append(child)
    if answer.get("memory"):
        raise MemoryError
    if "reason" in answer:
        raise BadImage(path, answer["reason"], answer["verb"])
    return answer, pixels


def close() -> None:
    """Ends the processes that wait."""
    while _idle:
        _idle.pop().end()


class _Child:
    """A process that decodes; see `kerastricks.data.child`."""

    def __init__(self) -> None:
        code = f"import sys; sys.path[:] = {sys.path!a}; {SERVE}"
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=-1
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        if self._answers.readline() != READY:
            raise RuntimeError(
                f"A process that decodes images could not be started: {sys.executable} ended with status {self.end()}."
            )

    def ask(self, path: str, size: int | None) -> tuple[dict[str, Any], bytes]:
        """Returns an answer and its pixels, if any; an `EOFError` or `OSError` is raised if the process is gone."""
        self._requests.write(json.dumps({"path": path, "size": size}).encode() + b"\n")
        self._requests.flush()
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        answer = json.loads(line)
        pixels = self._answers.read(answer.get("bytes", 0))
        if len(pixels) != answer.get("bytes", 0):
            raise EOFError
        return answer, pixels

    def end(self) -> int:
        """Ends the process, and returns its status."""
        self.let_go()
        try:
            return self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def let_go(self) -> None:
        """Closes this side of the pipes."""
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):  # what was not yet written has nowhere to go
                pipe.close()

    def forget(self) -> None:
        """Lets go of what belongs to the process that this one was forked from."""
        self.let_go()
        self._process.returncode = 0


def _forget() -> None:
    while _idle:
        _idle.pop().forget()


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
