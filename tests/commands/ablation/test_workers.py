import dataclasses
import os
import socket

import pytest

from kerastricks.commands.ablation import workers
from kerastricks.commands.ablation.jobs import Job
from kerastricks.commands.task import TrainTask
from kerastricks.training.signals import Terminated

pytestmark = pytest.mark.any_backend


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


def test_a_worker_that_is_ended_begins_no_other_run(monkeypatch):
    begun = []

    def ended(job):
        begun.append(job)
        raise Terminated

    monkeypatch.setattr(workers, "attempt", ended)
    monkeypatch.setattr(workers, "_ended", False)
    for job in ("first", "second"):
        with pytest.raises(Terminated):
            workers._attempt_or_end(job)
    assert begun == ["first"]


@pytest.mark.slow
def test_runs_on_their_way_are_kept_when_the_machine_fails(tiny):
    """The first job's data is gone, which ends the ablation; the second was begun beside it, and counts."""
    gone = Job(TrainTask("nowhere", recipe="baseline", model=tiny["digits"], epochs=1))
    here = Job(dataclasses.replace(gone.task, data="digits", images=20))
    found = []
    with pytest.raises(ValueError, match="nowhere does not exist"):
        for number, outcome in workers.outcomes([gone, here], workers=2):
            found.append((number, outcome["seed"]))
    assert found == [(1, 0)]


def test_processes_share_a_gpu(monkeypatch):
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")  # the user's own choice stays
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "")
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH")
    workers.share_device()
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
