"""Ctrl-C and SIGTERM, noticed at once and obeyed between two batches."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Interrupted(KeyboardInterrupt):
    """Ctrl-C was pressed, and the run stands between two batches."""


class Terminated(SystemExit):
    """SIGTERM was sent, and the run stands between two batches; the exit status is 143.

    Args:
        said: What has become of the run.
    """

    def __init__(self, said: str = ""):
        super().__init__(STATUS[signal.SIGTERM])
        self.said = said

    def __str__(self):
        return self.said


class Pending:
    """A signal that came, if any, until it is obeyed."""

    received: signal.Signals | None = None

    def error(self, said: str) -> BaseException:
        """Returns the exception that ends the run, with what has become of it in words."""
        return Interrupted(said) if self.received == signal.SIGINT else Terminated(said)


@contextlib.contextmanager
def noticed(*signals: signal.Signals) -> Iterator[Pending]:
    """Yields what notes the first of the signals within the context; the second one of a kind ends the process at once.

    In a notebook or at a prompt, the second Ctrl-C raises `KeyboardInterrupt` where it finds the program. The handlers
    that were there are put back at the end. Only Python's main thread may handle signals: elsewhere none is noticed.
    """
    pending = Pending()
    if threading.current_thread() is not threading.main_thread():
        yield pending
        return

    def note(number: int, frame: FrameType | None) -> None:
        pending.received = pending.received or signal.Signals(number)
        prompts = number == signal.SIGINT and (hasattr(sys, "ps1") or "ipykernel" in sys.modules)
        signal.signal(number, signal.default_int_handler if prompts else signal.SIG_DFL)

    ignored = [number for number in signals if signal.getsignal(number) is signal.SIG_IGN]  # as under nohup
    before = {number: signal.signal(number, note) for number in signals if number not in ignored}
    try:
        yield pending
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def end(number: int, frame: FrameType | None) -> None:
    """A handler for where nothing is lost by an end: `finally` and `with` still do their work. A second signal kills.

    Raises:
        KeyboardInterrupt: On Ctrl-C.
        Terminated: On SIGTERM.
    """
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated
