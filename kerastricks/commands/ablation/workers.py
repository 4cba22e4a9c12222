"""Where the runs of an ablation are made: here, in processes beside this one, or on a Ray cluster."""

import contextlib
import dataclasses
import importlib.util
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import keras

from kerastricks.commands import quiet
from kerastricks.commands.ablation.jobs import Job, attempt
from kerastricks.commands.faults import MachineError
from kerastricks.training.signals import Terminated

_ended = False  # whether SIGTERM came to this worker


def share_device() -> None:
    """Lets this process and those it starts share a GPU, of which JAX and TensorFlow would each take most at once."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def outcomes(jobs: Sequence[Job], workers: int = 1, ray: str | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the number of each job and its outcome, as they are done.

    Args:
        jobs: The runs, all on the same data.
        workers: Processes side by side; each gets its share of the cores.
        ray: Address of a Ray cluster that makes the runs instead, one GPU each where it has any.

    Raises:
        ValueError: If Ray is not installed or does not answer, or a process was killed.
    """
    if not jobs:
        return
    if ray is not None:
        yield from _on_ray(jobs, ray)
    elif workers == 1:
        for number, job in enumerate(jobs):
            yield number, attempt(job)
    else:
        yield from _in_processes(jobs, workers)


def _in_processes(jobs: Sequence[Job], workers: int) -> Iterator[tuple[int, dict[str, Any]]]:
    threads = max(1, (os.cpu_count() or 1) // workers)
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, _begin, (threads,))
    try:
        with _environment(threads):
            futures = {pool.submit(_attempt_or_end, job): number for number, job in enumerate(jobs)}
        failure = None
        for future in as_completed(futures):
            try:
                outcome = future.result()
            except CancelledError:
                continue
            except ValueError as error:  # runs that are on their way still count
                failure = error
                for other in futures:
                    other.cancel()
                continue
            yield futures[future], outcome
        if failure:
            raise failure
    except BrokenProcessPool:
        raise MachineError(
            "A worker process was killed, perhaps for want of memory. Finished runs are kept: the same command goes "
            "on; take fewer workers if it happens again."
        ) from None
    finally:
        for process in set(multiprocessing.active_children()) - others:  # at work still only if this was stopped
            process.terminate()
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Sets what processes that start meanwhile inherit: the backend, and threads for a share of the cores."""
    settings = {
        "KERAS_BACKEND": keras.backend.backend(),
        **dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), str(threads)),
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin(threads: int) -> None:
    """Ends this process with the one that started it, also where that one is killed; keeps PyTorch to its threads."""
    quiet.plain_warnings()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow():
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(threads)


def _attempt_or_end(job: Job) -> dict[str, Any]:
    """Does what `attempt` does; after SIGTERM it hands back at once the runs that this process was sent already."""
    global _ended
    if _ended:
        raise Terminated
    try:
        return attempt(job)
    except Terminated:
        _ended = True
        raise


def _on_ray(jobs: Sequence[Job], address: str) -> Iterator[tuple[int, dict[str, Any]]]:
    import ray

    environment = {"env_vars": {"KERAS_BACKEND": keras.backend.backend()}}
    try:
        ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise _silent(address, error) from None
    try:
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=3)(_attempt)  # again where a node is lost
        data = ray.put(jobs[0].task.data)  # sent once to each node, not with each run
        bare = [dataclasses.replace(job, task=dataclasses.replace(job.task, data=None)) for job in jobs]
        waiting = {task.remote(job, data): number for number, job in enumerate(bare)}
        while waiting:
            (done, *_), _ = ray.wait(list(waiting))
            yield waiting.pop(done), ray.get(done)
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise MachineError(
            f"A run on Ray failed: {reason}. Finished runs are kept: the same command goes on."
        ) from None
    finally:
        ray.shutdown()


def _attempt(job: Job, data: Any) -> dict[str, Any]:
    return attempt(dataclasses.replace(job, task=dataclasses.replace(job.task, data=data)))


def check_ray(address: str) -> None:
    """Raises a `ValueError` if Ray is not installed, or nothing listens at `host:port`.

    Ray itself takes minutes to notice the latter, and aborts.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError("Ray is not installed. Install it with: pip install 'kerastricks[ray]'")
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # `auto` or `local`
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise _silent(address, error) from None


def _silent(address: str, error: Exception) -> ValueError:
    reason = str(error).strip().partition("\n")[0]
    return ValueError(
        f"No Ray cluster answers at '{address}': {reason}. Start one with `ray start --head`, or leave `ray` out."
    )
