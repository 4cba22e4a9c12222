import socket

import pytest

from kerastricks.commands import workers


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(workers.importlib.util, "find_spec", lambda name: name)


def test_a_cluster_that_is_not_there_is_noticed_at_once(installed):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nothing listens there
        port = taken.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(ValueError, match=f"No Ray cluster answers at '{address}'.*ray start --head"):
                workers.check_ray(address)


def test_ray_finds_its_own_addresses(installed):
    workers.check_ray("auto")
    workers.check_ray("local")


def test_ray_that_is_missing_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(workers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install 'kerastricks.ray.'"):
        workers.check_ray("auto")


def test_no_jobs_start_nothing():
    assert list(workers.outcomes([], workers=2)) == []
