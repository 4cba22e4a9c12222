"""Processes that meet before they train together: who is there, who is not, and what is refused."""

import os
import socket
import threading
import time

import keras
import pytest

from kerastricks.training.devices import hosts

pytestmark = pytest.mark.any_backend


@pytest.fixture
def port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("KERAS_DISTRIBUTION")]:
        monkeypatch.delenv(name)


@pytest.fixture
def impatient(monkeypatch):
    """Gives up after three seconds, in which a busy machine answers."""
    monkeypatch.setattr(hosts, "PATIENCE", 3.0)


def meet(port, count, *ranks):
    """What each of some processes raises, by its place."""
    said = {}

    def one(place, rank, total):
        try:
            hosts._meet(f"127.0.0.1:{port}", total, rank)
        except ValueError as error:
            said[place] = str(error)

    wanted = [rank if isinstance(rank, tuple) else (rank, count) for rank in ranks]
    threads = [threading.Thread(target=one, args=(place, *pair)) for place, pair in enumerate(wanted)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_all_come(port):
    assert meet(port, 3, 0, 1, 2) == {}


def test_two_have_one_number(port):
    said = meet(port, 3, 0, 1, 1)
    assert "Two processes have the number 1" in said[0] and len(said) == 3


def test_one_does_not_come(port, impatient):
    assert meet(port, 3, 0, 1)[0] == "Processes 2 of 3 did not come in 3 seconds."


def test_nobody_answers(port, impatient):
    begin = time.monotonic()
    assert "Nobody answers at 127.0.0.1" in meet(port, 2, 1)[0]
    assert time.monotonic() - begin < 30  # and not the usual 50


def test_they_disagree_on_their_number(port):
    assert "`processes` must agree" in meet(port, 2, 0, (1, 3))[0]


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\n\n", b'"hello"\n', b""], ids=["a browser", "JSON", "nothing"])
def test_somebody_else_calls(port, monkeypatch, words):
    """A stranger on the port is hung up on, at once or when it says nothing, and the others still meet."""
    heard = []

    def call():
        end = time.monotonic() + 60
        while not heard and time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=60) as stranger:
                    stranger.sendall(words)
                    heard.append(stranger.recv(1))
            except ConnectionResetError:
                heard.append(b"")
            except OSError:
                time.sleep(0.01)

    first = threading.Thread(target=call)
    first.start()
    said = {}
    waiting = threading.Thread(target=lambda: said.update(meet(port, 2, 0)))
    with monkeypatch.context() as patches:
        patches.setattr(hosts, "_GREETING", 5.0 if words else 0.1)
        waiting.start()
        first.join()
    said.update(meet(port, 2, 1))
    waiting.join()
    assert (heard, said) == ([b""], {})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"process": 1}, "`process` goes with `coordinator`"),
        ({"coordinator": "nowhere", "processes": 2, "process": 1}, "must be HOST:PORT"),
        ({"coordinator": "a:70000", "processes": 2, "process": 1}, "must be HOST:PORT"),
        ({"coordinator": "a:7"}, "goes with `processes`"),
        ({"coordinator": "a:7", "processes": 2, "process": 2}, "processes=2, process=2"),
        ({"coordinator": "a:7", "processes": 1, "process": 0}, "at least 2"),
    ],
)
def test_settings_that_do_not_fit(monkeypatch, given, reason):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=reason):
        hosts.join(**given)


def test_the_environment_speaks_as_for_keras(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", "a:7,b:7")
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "two")
    with pytest.raises(ValueError, match="KERAS_DISTRIBUTION_NUM_PROCESSES must be a number. Received: 'two'"):
        hosts.join()


def test_alone_without_a_word():
    assert hosts.join() == 0


def test_other_backends_cannot(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="on JAX alone"):
        hosts.join("127.0.0.1:7", 2, 1)
