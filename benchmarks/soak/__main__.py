"""Kills runs, damages checkpoints and fills disks, and prints what came of it as Markdown.

    python benchmarks/soak [kills] [flips] [disk] [cost] [--backends tensorflow jax torch] [--kills 50] [--seed 0]

kills: SIGKILL at random moments of `kerastricks train`, some ten times a run, which is resumed each time. Asked: every
run leaves the weights, the history and the figures of one that was not killed, bit for bit; no checkpoint is
unreadable; at most what was done since it was last due to be saved is lost.
flips: a checkpoint, cut short or with one bit flipped. Asked: none loads, and the one before it is taken.
disk: a disk that gets full while a run is saved, and one that stays full. Asked: what was saved stands, byte for
byte, and nothing half-written is left; the run goes on and says so, or ends with an error and can be resumed.
cost: training with checkpoints and without, by turns; nothing else should run beside it. Asked: at most 3 % of it.

Exits with status 1 and the reasons if anything is not as asked.
"""

import argparse
import platform
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cost
import damage
import disk
import kills
import workload
from workload import Uninterrupted, Workload

PARTS = ("kills", "flips", "disk", "cost")
FULL = (0.6, 0.0001)  # of the size of a checkpoint; the first leaves room for models
Lines = tuple[list[str], list[str]]  # of Markdown; and what is not as asked


def killed(made: Workload, reference: Uninterrupted, arguments: argparse.Namespace) -> Lines:
    """Returns the row of a backend."""
    found = kills.soak(made, reference, arguments.kills, arguments.seed)
    phases = " | ".join(str(found.phases[phase]) for phase in kills.PHASES)
    batches = [lost.batches for lost in found.lost]
    seconds = max((lost.seconds for lost in found.lost), default=0)
    lost = f"{statistics.median(batches):g}, {max(batches)} at most; {seconds:.2f} s at most" if batches else ""
    line = (
        f"| {made.backend} | {found.kills} | {phases} | {found.same} of {found.runs} | {found.unreadable} of "
        f"{found.read} | {lost} | {found.seconds / 60:.1f} |"
    )
    return [line], [f"{made.backend}: {fault}" for fault in found.faults]


def flipped(made: Workload, reference: Uninterrupted, arguments: argparse.Namespace) -> Lines:
    """Returns a line on damaged checkpoints."""
    found, faults = damage.soak(reference.checkpoint, made.base / "flips", arguments.flips, arguments.seed)
    size = reference.checkpoint.stat().st_size / 1e6
    line = (
        f"- {arguments.flips:,} random truncations and bit flips of a checkpoint of {size:.1f} MB: "
        f"{found['refused']:,} refused with a reason; {found['the one before taken']:,} times a run takes the one "
        "before it."
    )
    return [line], faults


def filled(made: Workload, reference: Uninterrupted, arguments: argparse.Namespace) -> Lines:
    """Returns lines on full disks."""
    how, faults = disk.soak(reference.checkpoint, made.base / "small", arguments.points, arguments.seed)
    lines = [
        f"- The disk full at {arguments.points} random points of a save ({how}): {len(faults)} times something else "
        "than the checkpoint before, byte for byte, was left."
    ]
    for part in FULL:
        said, more = disk.run_on(made, reference, made.base / f"full-{part}", part)
        lines.append(f"- No room for files of more than {part:.4g} of a checkpoint from the first one on: {said}.")
        faults = faults + more
    return lines, faults


def costs(backend: str, folder: Path) -> Lines:
    """Returns a table of what saving costs."""
    lines = [
        "| network | checkpoint | with | without | | saved | of the time | a batch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    faults = []
    for found in cost.soak(backend, folder):
        line, share = cost.row(found)
        lines.append(line)
        if share > 0.03:
            faults.append(f"{found['network']}: saving takes {share:.2%} of the time")
    about = found["about"]
    return [*lines, "", f"{backend}; {about['hardware']}; {words(about)}; medians of rounds by turns."], faults


def words(about: dict) -> str:
    """Returns versions in words."""
    return ", ".join(f"{name} {number}" for name, number in about["versions"].items())


def report(arguments: argparse.Namespace, folder: Path, faults: list[str]) -> Iterator[str]:
    """Yields the lines of the page, and adds to `faults` what is not as asked."""
    yield f"```sh\n{shlex.join(['python', 'benchmarks/soak', *sys.argv[1:]])}\n```\n"
    made = {}
    for backend in arguments.backends if {"kills", "flips", "disk"} & {*arguments.parts} else ():
        here = workload.make(folder / backend, backend)
        made[backend] = here, workload.uninterrupted(here)
        if "kills" not in arguments.parts:
            break  # a file is a file on each of them
    if made:
        about = next(iter(made.values()))[1].about
        yield f"{about['hardware']}; {platform.system()}; {words(about)}. Seed {arguments.seed}.\n"
    if "kills" in arguments.parts:
        yield f"| backend | kills | {' | '.join(kills.PHASES)} | bit-identical | unreadable | batches lost | minutes |"
        yield "|---" * (len(kills.PHASES) + 6) + "|"
        for here, reference in made.values():
            lines, wrong = killed(here, reference, arguments)
            yield from lines
            faults += wrong
        yield ""
    for part, function in {"flips": flipped, "disk": filled}.items():
        if part in arguments.parts:
            lines, wrong = function(*next(iter(made.values())), arguments)
            yield from lines
            faults += [f"{part}: {fault}" for fault in wrong]
    for backend in arguments.backends if "cost" in arguments.parts else ():
        lines, wrong = costs(backend, folder)
        yield "\n".join(["", *lines])
        faults += [f"cost, {backend}: {fault}" for fault in wrong]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all but cost if none is named")
    parser.add_argument("--backends", nargs="+", default=["tensorflow", "jax", "torch"])
    parser.add_argument("--kills", type=int, default=50, help="of a backend")
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--points", type=int, default=20, help="of a save at which the disk is full")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.parts = asked.parts or PARTS[:3]
    if unknown := {*asked.parts} - {*PARTS}:
        parser.error(f"unknown: {', '.join(unknown)}")
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        for line in report(asked, Path(place), wrong):
            print(line, flush=True)
    if wrong:
        sys.exit("\n".join(wrong))
