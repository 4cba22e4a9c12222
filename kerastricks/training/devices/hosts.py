"""Several processes that train together, on one host or on many, by `jax.distributed`.

Each is started on its own: by hand, by SLURM, or by whatever starts a command on many hosts.
"""

import json
import os
import socket
import sys
import time
from typing import Any

import keras

PATIENCE = 50.0  # seconds until processes that do not come are given up
_GREETING = 5.0  # seconds in which a caller says who it is
SILENCE = 30  # seconds without a sign of life after which a process counts as dead, and ends the others
_ENVIRONMENT = {
    "coordinator": "KERAS_DISTRIBUTION_JOB_ADDRESSES",
    "processes": "KERAS_DISTRIBUTION_NUM_PROCESSES",
    "process": "KERAS_DISTRIBUTION_PROCESS_ID",
}


def join(coordinator: str | None = None, processes: int | None = None, process: int | None = None) -> int:
    """Lets this process train together with others, and returns its number; 0 where it trains alone.

    To be called before anything is computed. A process that dies ends the others within a minute.

    Args:
        coordinator: `HOST:PORT` of process 0; or `auto`, for what SLURM or another scheduler that JAX knows says. What
            is None is taken from the environment, by the names of `keras.distribution.initialize`.
        processes: How many there are.
        process: The number of this one, from 0.

    Raises:
        ValueError: If the backend is not JAX, a number does not fit, two processes have the same, or some do not come
            within a minute.
    """
    given = {"coordinator": coordinator, "processes": processes, "process": process}
    known = {name: _known(name, value) for name, value in given.items()}
    if known["coordinator"] is None:
        if stray := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"`{stray[0]}` goes with `coordinator`, the HOST:PORT of process 0.")
        return 0
    if keras.backend.backend() != "jax":
        raise ValueError(
            "Several processes train together on JAX alone: Keras 3 has no `fit` over hosts on TensorFlow or PyTorch. "
            f"Received: backend={keras.backend.backend()}. Set KERAS_BACKEND=jax."
        )
    address, count, rank = str(known["coordinator"]).split(",")[0], known["processes"], known["process"]
    if address != "auto":
        _check(address, count, rank)
        _meet(address, count, rank)
    import jax

    limits: dict[str, Any] = {"initialization_timeout": int(PATIENCE), "heartbeat_timeout_seconds": SILENCE}
    limits["shutdown_timeout_seconds"] = SILENCE
    if address != "auto":
        jax.distributed.initialize(address, count, rank, **limits)
        return rank
    try:
        jax.distributed.initialize(**limits)
    except ValueError as error:
        raise ValueError(f"No scheduler says who trains together: {error} Pass `coordinator`.") from error
    return jax.process_index()


def leave() -> None:
    """Lets this process go on alone, when all have trained: none waits for another any more."""
    if _joined():
        import jax

        jax.distributed.shutdown()


def lost_another(error: BaseException) -> bool:
    """Tells whether a step failed because another process has gone."""
    return _joined() and type(error).__name__ == "JaxRuntimeError"


def end(status: int) -> None:
    """Ends a process that fails among others at once: JAX would wait for them, and then print a stack of C++."""
    if _joined():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _joined() -> bool:
    return "jax" in sys.modules and bool(sys.modules["jax"].distributed.is_initialized())


def _known(name: str, value: Any) -> Any:
    said = os.environ.get(_ENVIRONMENT[name])
    if value is not None or not said:
        return value
    if name == "coordinator":
        return said
    if not said.isdigit():
        raise ValueError(f"{_ENVIRONMENT[name]} must be a number. Received: {said!r}")
    return int(said)


def _check(address: str, count: Any, rank: Any) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"`coordinator` must be HOST:PORT, as 10.0.0.1:1234, or `auto`. Received: {address!r}")
    if count is None or rank is None:
        raise ValueError("`coordinator` goes with `processes`, how many there are, and `process`, the number of this.")
    if count < 2 or not 0 <= rank < count:
        raise ValueError(
            "`processes` must be at least 2, and `process` a number from 0 to one less. "
            f"Received: processes={count}, process={rank}"
        )


def _meet(address: str, count: int, rank: int) -> None:
    """Waits until all processes are there, each with a number of its own.

    JAX ends the whole process, with a stack of C++, where this fails: so it is tried before, on the same port.
    """
    host, _, port = address.rpartition(":")
    end = time.monotonic() + PATIENCE
    if rank:
        reason = _report(host, int(port), {"process": rank, "processes": count}, end)
    else:
        reason = _receive(int(port), count, end)
    if reason:
        raise ValueError(reason)


def _report(host: str, port: int, said: dict[str, int], end: float) -> str:
    """Tells process 0 who this is; returns what is wrong, or nothing."""
    while True:
        try:
            with socket.create_connection((host, port), timeout=max(0.1, end - time.monotonic())) as connection:
                connection.sendall(json.dumps(said).encode() + b"\n")
                answer = connection.makefile("rb").readline()
                return json.loads(answer) if answer else "Process 0 has gone away."
        except (OSError, ValueError) as error:
            if isinstance(error, socket.gaierror):
                return f"There is no host {host!r}. Pass the HOST:PORT of process 0 as `coordinator`."
            if time.monotonic() > end:
                return (
                    f"Nobody answers at {host}:{port}, where process 0 should be, for {PATIENCE:.0f} seconds. Start "
                    "process 0, and see that the port is open."
                )
            time.sleep(0.2)


def _receive(port: int, count: int, end: float) -> str:
    """Waits for all others; tells them, and returns, what is wrong, or nothing."""
    there: dict[int, Any] = {}
    reason = ""
    try:
        server = socket.create_server(("", port))
    except OSError as error:
        return f"Process 0 cannot listen on port {port}: {error.strerror}. Is there another process 0?"
    with server:
        while len(there) < count - 1 and not reason:
            server.settimeout(max(0.01, end - time.monotonic()))
            try:
                connection, _ = server.accept()
            except TimeoutError:
                missing = sorted({*range(1, count)} - {*there})
                reason = f"Processes {', '.join(map(str, missing))} of {count} did not come in {PATIENCE:.0f} seconds."
                break
            except OSError:
                continue  # gone again
            try:
                number, total = _introduced(connection)
            except (ValueError, KeyError, TypeError, OSError):
                connection.close()  # somebody else
                continue
            if number in there:
                reason = f"Two processes have the number {number}: give each its own `process`."
            elif total != count:
                reason = f"Process {number} is one of {total}, and process 0 one of {count}: `processes` must agree."
            there[-1 if reason else number] = connection
        for connection in there.values():
            try:
                with connection:
                    connection.sendall(json.dumps(reason).encode() + b"\n")
            except OSError:
                reason = reason or "A process has gone away."
    return reason


def _introduced(connection: socket.socket) -> tuple[int, int]:
    """Returns the number of the process that has called, and of how many it is one."""
    connection.settimeout(_GREETING)
    with connection.makefile("rb") as lines:
        said = json.loads(lines.readline(1000))
    return int(said["process"]), int(said["processes"])
