import os
import signal
import threading

import pytest

from kerastricks.training import signals
from kerastricks.training.signals import Interrupted, Terminated, noticed

pytestmark = pytest.mark.any_backend


def test_a_signal_is_noted_and_the_handler_put_back():
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with noticed(signal.SIGINT, signal.SIGTERM) as pending:
        assert pending.received is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert pending.received == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL  # the second one kills
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_at_a_prompt_the_second_ctrl_c_raises(monkeypatch):
    monkeypatch.setattr("sys.ps1", ">>> ", raising=False)
    with pytest.raises(KeyboardInterrupt), noticed(signal.SIGINT) as pending:
        os.kill(os.getpid(), signal.SIGINT)
        assert pending.received == signal.SIGINT
        os.kill(os.getpid(), signal.SIGINT)


def test_the_handler_is_put_back_where_the_context_raises():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError), noticed(signal.SIGINT):
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_notice_nothing_and_change_nothing():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with noticed(signal.SIGINT) as pending:
            seen.append((pending.received, signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(None, True)]


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, Interrupted), (signal.SIGTERM, Terminated)])
def test_what_ends_the_run(number, kind):
    pending = signals.Pending()
    pending.received = number
    error = pending.error("saved in here")
    assert type(error) is kind and str(error) == "saved in here"


def test_the_statuses_are_those_of_the_shell():
    assert signals.STATUS == {signal.SIGINT: 130, signal.SIGTERM: 143}
    assert Terminated("").code == 143


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_elsewhere_a_signal_ends_at_once_and_the_next_one_kills(number, kind):
    before = signal.signal(number, signals.end)
    try:
        with pytest.raises(kind):
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
