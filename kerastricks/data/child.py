"""The other side of `kerastricks.data.apart`: a process that decodes the files it is told."""

import contextlib
import json
import os
import signal
import sys
from typing import Any

from kerastricks.data.apart import READY, SECONDS
from kerastricks.data.bad import BadImage
from kerastricks.data.decode import decode_here, size_here


def serve() -> None:
    """Answers the requests on standard input, a line of JSON each, until it ends.

    An answer is a line of JSON, and as many bytes after it as it says. A signal from the terminal is for the process
    that asks.
    """
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no file
    alarm = getattr(signal, "alarm", lambda seconds: None)  # ends the process in the midst of a decoder, too
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        answers.write(READY)
        answers.flush()
        for line in sys.stdin.buffer:
            alarm(SECONDS)
            said, pixels = answer(**json.loads(line))
            alarm(0)
            answers.write(json.dumps(said).encode() + b"\n" + pixels)
            answers.flush()


def answer(path: str, size: int | None) -> tuple[dict[str, Any], bytes]:
    """Returns what `kerastricks.data.apart.ask` does, or what is wrong with the file."""
    try:
        if size is None:
            return dict(zip(("width", "height"), size_here(path), strict=True)), b""
        pixels = decode_here(path, size).tobytes()
        return {"bytes": len(pixels)}, pixels
    except MemoryError:
        return {"memory": True}, b""
    except BadImage as error:
        return {"reason": error.reason, "verb": error.verb}, b""
