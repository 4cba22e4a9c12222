import socket

import pytest

from kerastricks.commands import workers


def test_a_cluster_that_is_not_there_is_noticed_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nothing listens there
        port = taken.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(ValueError, match=f"No Ray cluster answers at '{address}'.*ray start --head"):
                workers._check_answers(address)


def test_ray_finds_its_own_addresses():
    workers._check_answers("auto")
    workers._check_answers("local")


def test_no_jobs_start_nothing():
    assert list(workers.outcomes([], workers=2)) == []
