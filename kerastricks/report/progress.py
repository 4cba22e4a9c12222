"""A progress line for a terminal; plain lines, one per epoch, for anything else."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping

import rich.progress
from rich.console import Console

from kerastricks.training.callbacks import Clock
from kerastricks.training.trick import Plan

_BAR = 12  # columns


class Progress(Clock):
    """Shows epoch, step, loss, accuracy, learning rate, images/s and the time left; measures the speed.

    Args:
        plan: Length of the run.
        images: Training images per epoch.
        console: Where to print; standard output by default.
        refresh: Least time between two redraws of the line, in seconds.

    Attributes:
        seconds: How long the epochs that are done took, validation included, before the run was stopped too.
    """

    # The batch hooks run in another thread, where `self.model` must not be touched: on JAX its state is in use by the
    # step.

    def __init__(self, plan: Plan, images: int, console: Console | None = None, refresh: float = 0.25):
        super().__init__()
        self.plan, self.refresh = plan, refresh
        self.console = console or Console(soft_wrap=True, highlight=False)
        self._images_per_step = images / plan.steps_per_epoch
        self._epoch = self._step = 0
        self.seconds = 0.0

    @property
    def images_per_second(self) -> float:
        """Training images per second: the median over the epochs, without validation."""
        return self._images_per_step / statistics.median(self.step_seconds)

    def on_train_begin(self, logs=None):
        self._schedule = self.model.learning_rate if callable(self.model.learning_rate) else None
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(bar_width=_BAR),
            rich.progress.TextColumn("{task.fields[shown]}"),
            rich.progress.TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=self.plan.batches, shown="")
        self._bar.start()
        self._mark = self._shown = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if self._schedule is None:
            self._rate = self.model.rate_at(0)
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._step = self._epoch * self.plan.steps_per_epoch + batch + 1
        now = time.perf_counter()
        if self.console.is_terminal and now - self._shown >= self.refresh:
            self._shown = now
            rate = self._rate if self._schedule is None else float(self._schedule(self._step - 1))
            speed = (batch + 1 - (self._first or 0)) * self.plan.batch_size / (now - self._epoch_start)
            at = f"epoch {self._epoch + 1}/{self.plan.epochs} step {batch + 1}/{self.plan.steps_per_epoch}"
            room = self.console.width - len(at) - _BAR - len(" 0:00:00") - 2
            shown = fit({**_scores(logs or {}), **_speed(rate, speed)}, room)
            self._bar.update(self._task, completed=self._step, description=at, shown=shown)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        before, self._mark = self._mark, time.perf_counter()
        self.seconds += self._mark - before
        left = self.seconds / (epoch + 1) * (self.plan.epochs - epoch - 1)
        self._bar.update(self._task, completed=(epoch + 1) * self.plan.steps_per_epoch)
        logs = logs or {}
        parts = {
            "epoch": f"epoch {epoch + 1}/{self.plan.epochs}",
            **_scores(logs),
            **_speed(logs.get("learning_rate", 0), self._images_per_step / self.step_seconds[-1]),
            "waits": _waits(logs),
            "left": f"{_clock(left)} left",
        }
        self.console.print(fit(parts, self.console.width))

    def on_train_end(self, logs=None):
        self._bar.stop()

    def stop(self) -> None:
        """Releases the terminal, also where training was interrupted."""
        if hasattr(self, "_bar"):
            self._bar.stop()


@contextlib.contextmanager
def decoding(console: Console | None = None) -> Iterator[Callable[[int, int], None]]:
    """Yields a function that shows how many images are decoded: a bar on a terminal, else one line at the end."""
    console = console or Console(soft_wrap=True, highlight=False)
    with rich.progress.Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("decoding images", start=False)

        def report(done: int, total: int) -> None:
            bar.start_task(task)
            bar.update(task, completed=done, total=total)
            if done == total:
                console.print(f"decoded {total:,} images, once: later runs read their pixels")

        yield report


# The parts of a line, the first to go first where it is too long.
_LEAST_FIRST = ("rate", "speed", "waits", "val_loss", "accuracy", "loss", "val_accuracy")


def fit(parts: Mapping[str, str], width: int) -> str:
    """Returns the parts of a line in their order, as many as `width` columns hold; `_LEAST_FIRST` says which go."""
    kept = {name: part for name, part in parts.items() if part}
    if len("  ".join(kept.values())) > width:
        kept = {name: part.replace("validation", "val") for name, part in kept.items()}
    for name in _LEAST_FIRST:
        if len("  ".join(kept.values())) <= width:
            break
        kept.pop(name, None)
    return "  ".join(kept.values())


def _scores(logs: Mapping[str, float]) -> dict[str, str]:
    names = {
        "loss": "loss",
        "accuracy": "accuracy",
        "val_loss": "validation loss",
        "val_accuracy": "validation accuracy",
    }
    return {name: f"{shown} {logs[name]:.4f}" for name, shown in names.items() if name in logs}


def _speed(rate: float, speed: float) -> dict[str, str]:
    return {"rate": f"rate {rate:.3g}", "speed": f"{speed:,.0f} images/s"}


def _waits(logs: Mapping[str, float]) -> str:
    share = logs.get("data_wait", 0.0)
    return f"waits for data {share:.0%} of the time" if share >= 0.05 else ""


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
