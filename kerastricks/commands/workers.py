"""Where the runs of an ablation are made: here, in processes beside this one, or on a Ray cluster."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import keras

from kerastricks.commands.runs import Job, attempt


def outcomes(jobs: Sequence[Job], workers: int = 1, ray: str | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the number of each job and its outcome, as they are done.

    Args:
        jobs: The runs.
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
    os.environ["KERAS_BACKEND"] = keras.backend.backend()  # of the children
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _take_cores, (context.Value("i", 0), workers))
    try:
        futures = {pool.submit(attempt, job): number for number, job in enumerate(jobs)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise ValueError(
            "A worker process was killed, perhaps for want of memory. Finished runs are kept: the same command goes "
            "on; take fewer workers or a smaller batch if it happens again."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _take_cores(taken: Any, workers: int) -> None:
    """Keeps this process to its share of the cores, so that the threads of two workers do not crowd each other out."""
    if not hasattr(os, "sched_setaffinity"):
        return
    with taken.get_lock():
        number, taken.value = taken.value, taken.value + 1
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[number % workers :: workers]) or set(cores))


def _on_ray(jobs: Sequence[Job], address: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        import ray
    except ImportError:
        raise ValueError("Ray is not installed. Install it with: pip install 'kerastricks[ray]'") from None
    environment = {"env_vars": {"KERAS_BACKEND": keras.backend.backend()}}
    try:
        ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"No Ray cluster answers at '{address}': {reason}") from None
    try:
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=3)(attempt)  # again where a node is lost
        waiting = {task.remote(job): number for number, job in enumerate(jobs)}
        while waiting:
            (done, *_), _ = ray.wait(list(waiting))
            yield waiting.pop(done), ray.get(done)
    finally:
        ray.shutdown()
