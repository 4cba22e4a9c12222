"""Kills runs at random moments, resumes them, and compares what they leave with what a run leaves that was not."""

import contextlib
import itertools
import json
import signal
import statistics
import subprocess
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import workload
from workload import BATCHES, KERASTRICKS, Event, Uninterrupted, Workload

from kerastricks.training import checkpoint_file

PHASES = {"starting": 0.1, "training": 0.3, "validation": 0.15, "saving": 0.25, "reporting": 0.2}
WRITTEN_LAST = ("model.keras", "model_averaged.keras", "result.json", "report.html")
INTERVALS = (0.05, 0.5)  # s between two checkpoints, by turns
A_RUN = 10  # kills
POLL = 2e-4  # s


class Moment(NamedTuple):
    """When to kill: in a phase, after a batch of the run, some way into it.

    Attributes:
        phase: One of `PHASES`.
        step: The first batch of the run at which that may be.
        part: How far into the phase, in [0, 1).
        file: A file of the report in whose writing that is to be; none waits for a time.
    """

    phase: str
    step: int
    part: float
    file: str | None = None


class Lost(NamedTuple):
    """What a kill cost: batches done since the checkpoint that the run goes on from, and their seconds."""

    batches: int
    seconds: float


class Found:
    """What the kills of a backend found.

    Attributes:
        phases: Kills in each phase.
        lost: What those cost that came after the first batch of a process.
        faults: What is not as it should be.
        runs: Runs that were killed, and those of them that left the same as one that was not.
        read: Checkpoints that were there after a kill, and those of them that could not be read.
        seconds: How long all that took.
    """

    def __init__(self) -> None:
        self.phases: Counter[str] = Counter()
        self.lost: list[Lost] = []
        self.faults: list[str] = []
        self.runs = self.same = self.read = self.unreadable = 0
        self.seconds = 0.0

    @property
    def kills(self) -> int:
        """All of them."""
        return sum(self.phases.values())


def draw(random: np.random.Generator, count: int) -> list[Moment]:
    """Returns the moments of a run at which it is killed, in their order."""
    phases = random.choice(list(PHASES), count, p=list(PHASES.values()))
    files = [*WRITTEN_LAST, *[None] * len(WRITTEN_LAST)]
    steps = sorted(int(step) for step in random.integers(0, BATCHES, count))
    moments = [
        Moment(str(phase), step, float(random.random()), files[int(random.integers(len(files)))])
        for phase, step in zip(phases, steps, strict=True)
    ]
    return sorted(moments, key=lambda moment: moment.phase == "reporting")


class Lengths(NamedTuple):
    """Seconds that the phases of a run took that was not killed."""

    starting: float
    training: float
    validation: float
    reporting: float
    saving: float = 0.0  # the part is that of the file


def lengths(run: Uninterrupted) -> Lengths:
    """Returns the seconds of the phases of a run."""
    gaps: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for before, after in itertools.pairwise(run.log[1:]):
        gaps[before.phase].append(after.time - before.time)
    return Lengths(
        starting=run.log[0].time - run.start,
        training=statistics.median(gaps["training"]),
        validation=sum(gaps["validation"]) / workload.EPOCHS,
        reporting=run.end - run.log[-1].time,
    )


def wait_for(moment: Moment, process: subprocess.Popen, log: Path, run: Path, size: int, typical: Lengths) -> bool:
    """Waits for a moment; returns False if the run ended before."""
    text, begun = b"", time.time()
    with contextlib.ExitStack() as stack:
        file = None
        while process.poll() is None:
            if file is None and log.exists():
                file = stack.enter_context(open(log, "rb"))
            if file is not None and moment.phase != "starting":
                text += file.read()
            if _is_there(moment, text, run, size):
                break
            time.sleep(POLL)
    rest = moment.part * getattr(typical, moment.phase)
    if moment.phase == "reporting" and moment.file:
        rest = moment.part * 0.002  # a file is written in some milliseconds
    if moment.phase == "starting":
        rest += begun - time.time()
    end = time.time() + rest
    while process.poll() is None and time.time() < end:
        time.sleep(POLL)
    return process.poll() is None


def _is_there(moment: Moment, text: bytes, run: Path, size: int) -> bool:
    """Tells from a run's log and its directory whether a phase has begun."""
    if moment.phase == "starting":
        return True
    lines = [line.split() for line in text.splitlines(keepends=True) if line.endswith(b"\n")]
    if moment.phase == "reporting":
        return any(line[1] == b"reporting" for line in lines) and (moment.file is None or _hidden(run, moment.file, 0))
    phase = b"training" if moment.phase == "saving" else moment.phase.encode()
    if not any(line[1] == phase and int(line[2]) >= moment.step for line in lines):
        return False
    return moment.phase != "saving" or _hidden(run / "checkpoints", "", int(moment.part * size))


def _hidden(folder: Path, name: str, least: int) -> bool:
    """Tells whether a file is being written in a folder, and so many bytes of it are."""
    with contextlib.suppress(OSError):
        return any(path.stat().st_size >= least for path in folder.glob(f".*-*{name}"))
    return False


def run_of(
    found: Found, made: Workload, reference: Uninterrupted, run: Path, moments: list[Moment], typical: Lengths
) -> None:
    """Kills a run at its moments, goes on with it each time, and compares what it leaves."""
    interval = INTERVALS[found.runs % len(INTERVALS)]
    found.runs += 1
    size = reference.checkpoint.stat().st_size
    begin = made.command(run, "--checkpoint-minutes", f"{interval / 60}")
    done: list[str] = []
    for moment in (*moments, None):
        log = run.with_name(f"{run.name}-{len(done)}.log")
        resumes = (run / "run.json").exists()
        command = [*KERASTRICKS, "train", "--resume", str(run)] if resumes else begin
        start = time.time()
        process = made.start(command, log, often=True)
        if moment is None or not wait_for(moment, process, log, run, size, typical):
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        done.append(inspect(found, run, log, interval, start))
    try:
        workload.finish(process, log)
        differs = [*workload.differences(run, reference.run), *(f"{path} is left" for path in run.rglob(".*-*"))]
    except (RuntimeError, OSError) as error:
        differs = [str(error)]
    found.same += not differs
    found.faults += [f"{run}, killed in {', '.join(done)}: {line}" for line in differs]


def inspect(found: Found, run: Path, log: Path, interval: float, start: float) -> str:
    """Looks at what a kill left: whether all of it can be read, and what is lost; returns the phase that it was in."""
    events = workload.events(log)
    phase = phase_of(run, events, start)
    found.phases[phase] += 1
    latest, written = 0, 0.0
    for path in sorted((run / "checkpoints").glob("[!.]*.npz")):
        found.read += 1
        try:
            header = checkpoint_file.read(path).header
        except (ValueError, OSError) as error:
            found.unreadable += 1
            found.faults.append(f"{run}, killed in {phase}: {error}")
            continue
        step = header["epoch"] * workload.STEPS + header["step"]
        if path.name.startswith("step-") and step >= latest:
            latest, written = step, path.stat().st_mtime
    found.faults += [f"{path}, after a kill in {phase}, is not whole" for path in run.glob("[!.]*") if not whole(path)]
    batches = [event for event in events if event.phase == "training"]
    if batches:
        # The batches that were done, and their time: since the checkpoint, or since the process began to train.
        seconds = batches[-1].time - max(written, batches[0].time)
        lost = Lost(max(0, events[-1].step - latest), max(0.0, seconds))
        found.lost.append(lost)
        longest = max((after.time - before.time for before, after in itertools.pairwise(events)), default=0.0)
        if lost.seconds > interval + longest:
            found.faults.append(
                f"{run}: {lost}, where it is saved every {interval} s and a batch takes {longest:.2f} s"
            )
    return phase


def whole(path: Path) -> bool:
    """Tells whether a file of a run can be read to its end; what has no checksum of its own is taken as whole."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        elif path.suffix == ".html":
            return path.read_text(encoding="utf-8").rstrip().endswith("</html>")
        elif path.suffix == ".csv":
            return path.read_bytes().endswith(b"\n")
    except (ValueError, zipfile.BadZipFile):
        return False
    return True


def phase_of(run: Path, events: list[Event], start: float) -> str:
    """Returns what a process was doing when it was killed, by what it left and its log."""
    if any(path.stat().st_mtime >= start for path in (run / "checkpoints").glob(".*-*.npz")):
        return "saving"
    last = events[-1].phase if events else "begun"
    return "starting" if last == "begun" else last


def soak(made: Workload, reference: Uninterrupted, kills: int, seed: int = 0, a_run: int = A_RUN) -> Found:
    """Kills runs of a backend `kills` times, each some `a_run` times, and lets each end."""
    found = Found()
    typical = lengths(reference)
    random = np.random.default_rng(seed)
    while found.kills < kills and found.runs < kills:
        run = made.base / f"run-{found.runs + 1}"
        run_of(found, made, reference, run, draw(random, min(a_run, kills - found.kills)), typical)
    found.seconds = time.time() - reference.end
    return found
