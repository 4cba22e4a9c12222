"""Where a run is saved, how often, and which of its checkpoints are kept."""

import contextlib
import dataclasses
import os
import re
import shutil
import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

from kerastricks.data import atomic
from kerastricks.training import checkpoint_file
from kerastricks.training.checkpoint_file import Saved

_NAME = re.compile(r"step-(\d+)\.npz")
BEST = "best.npz"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Saves a run between two batches, so that it goes on as if it had never been stopped.

    A run is saved at the end of epochs and every few minutes, as often as `share` of its time allows, when it is
    stopped by Ctrl-C or SIGTERM, and at its end. `Recipe.fit(..., checkpoint=...)` with a directory that holds a run
    goes on with it; that of a finished run returns at once. On a CPU the resumed run gives the same weights, history
    and figures, bit for bit. Data sets of a user's own begin with their first pass again.

    A checkpoint is one file of arrays and plain values, with a checksum, no code and no pickles, and moved into its
    place whole: `docs/reliability.md`. The network, the optimizer, averages, seeds, metrics, and the public attributes
    of callbacks are in it.

    Args:
        directory: Where the checkpoints of this run, and no other, are kept; made if it is not there.
        minutes: Time between two checkpoints within an epoch.
        epochs: Epochs between two checkpoints.
        keep: How many of the last ones are kept, at least 1. The best of those at the end of an epoch, by validation
            accuracy, is kept as `best.npz`: epochs that `share` leaves out do not count.
        keep_every: Epochs between two checkpoints that are kept for good; None keeps none.
        share: Largest fraction of the run's time for all that, in (0, 1]; 1 saves whenever it is due.
        others: What happens where the directory holds a run with other settings: `refuse` raises, `replace` begins
            anew.
        on_best: Called with the `Engine` after a checkpoint at the end of an epoch that is the best so far.

    Raises:
        ValueError: If a number is out of its range.
    """

    directory: str | os.PathLike[str]
    minutes: float = 5.0
    epochs: int = 1
    keep: int = 2
    keep_every: int | None = None
    share: float = 0.03
    others: Literal["refuse", "replace"] = "refuse"
    on_best: Callable[[Any], None] | None = None

    def __post_init__(self):
        for name, least in {"epochs": 1, "keep": 1, "keep_every": 1, "minutes": 0}.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value}")
        if not 0 < self.share <= 1:
            raise ValueError(f"`share` must lie in (0, 1]. Received: share={self.share}")

    def clear(self) -> None:
        """Removes all checkpoints."""
        for path in [*self.files(), self.path / BEST]:
            path.unlink(missing_ok=True)

    @property
    def path(self) -> Path:
        """The directory."""
        return Path(self.directory)

    def files(self) -> list[Path]:
        """Returns the checkpoints, the oldest first."""
        found = [path for path in self.path.glob("step-*.npz") if _NAME.fullmatch(path.name)]
        return sorted(found, key=_step)

    def latest(self) -> tuple[Path, Saved] | None:
        """Returns the newest checkpoint that is whole, or None; says it where one is not.

        Raises:
            ValueError: If there are some, and none is whole.
        """
        files = self.files()
        for path in reversed(files):
            try:
                return path, checkpoint_file.read(path)
            except (ValueError, OSError) as error:
                reason = str(error)
                warnings.warn(f"{reason} The one before it is taken.", stacklevel=3)
        if files:
            raise ValueError(f"{reason} No other is left in {self.path}: remove the directory to begin anew.")
        return None

    def save(self, saved: Saved, step: int, *, best: bool = False, kept: Collection[int] = ()) -> int:
        """Writes the checkpoint after `step` batches of the run, removes those no longer kept, and returns its size.

        Args:
            saved: What it holds.
            step: Batches of the run so far.
            best: Whether it is the best so far.
            kept: Steps of the checkpoints that are never removed.

        Raises:
            OSError: If it cannot be written; all that were there are as they were.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        atomic.sweep(self.path)
        path = self.path / f"step-{step:08}.npz"
        size = checkpoint_file.write(path, saved)
        if best:
            with atomic.replacing(self.path / BEST) as beside:
                _link(path, beside)
        for later in [other for other in self.files() if _step(other) > step]:  # of a future that is given up
            later.unlink(missing_ok=True)
        for old in self.files()[: -self.keep]:
            if _step(old) not in kept:
                old.unlink(missing_ok=True)
        return size


def _step(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return int(found[1])


def _link(path: Path, beside: Path) -> None:
    """Gives a file a second name; where the disk has none of those, copies it."""
    with contextlib.suppress(OSError):
        os.link(path, beside)
        return
    shutil.copyfile(path, beside)
