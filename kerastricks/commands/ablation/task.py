"""What `ablate` is asked to do. Keras is not imported here."""

import dataclasses
from typing import Annotated, ClassVar, Literal

from cyclopts import Parameter

from kerastricks.commands.task import Names, TrainTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class AblateTask(TrainTask):
    """What `ablate` is asked to do.

    Args:
        design: Leave each trick out of the recipe, add each to none, add one after the other, or train all
            combinations.
        against: Other recipes, by name or file, to compare the recipe with, in place of a design.
        seeds: How many seeds, from `seed` on.
        tricks: Tricks to judge, by name; the others stay in every arm. Default: all.
        minutes: Time for the whole ablation, in place of the epochs.
        workers: Runs side by side, as processes.
        ray: Address of a Ray cluster that makes the runs, one GPU each where it has any.
        out: Directory. Default: runs/ablate-<data>-<recipe>-<design>.
        plan: Train nothing; say from the runs in the directory how many seeds would settle what, and how long they
            take.
    """

    design: Literal["leave-one-out", "add-one-in", "ladder", "all"] = "leave-one-out"
    against: Names = ()
    seeds: int = 3
    tricks: Names = ()
    minutes: float | None = None
    workers: int = 1
    ray: str | None = None
    tensorboard: Annotated[bool, Parameter(parse=False)] = False
    out: str | None = None
    plan: Annotated[bool, Parameter(negative=())] = False
    resume: Annotated[str | None, Parameter(parse=False)] = None
    keep_every: Annotated[int | None, Parameter(parse=False)] = None
    coordinator: Annotated[str | None, Parameter(parse=False)] = None
    processes: Annotated[int | None, Parameter(parse=False)] = None
    process: Annotated[int | None, Parameter(parse=False)] = None

    def settings(self):
        """See `Task.settings`; recipes that are compared with others have no design."""
        values = super().settings()
        return {**values, "design": "against"} if self.against else {k: v for k, v in values.items() if k != "against"}

    # What another call on the same directory may ask for.
    MAY_CHANGE: ClassVar[tuple[str, ...]] = (
        "seeds",
        "workers",
        "ray",
        "out",
        "plan",
        "cache_size",
        "checkpoint_minutes",
    )

    def __post_init__(self):
        super().__post_init__()
        for name in ("tensorboard", "resume", "keep_every"):
            if getattr(self, name):
                raise ValueError(
                    f"`{name}` is for a run of `train`: an ablation keeps its runs, and goes on, by itself."
                )
        for name in ("coordinator", "processes", "process"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` is for `train`. Pass `workers` or `ray`, which make whole runs side by side."
                )
        if not all(isinstance(one, str) for one in self.against):
            raise ValueError(
                "`against` takes names of shipped recipes and Python files that hold `recipe`. "
                f"Received: {', '.join(type(one).__name__ for one in self.against)}"
            )
        if self.against and (self.design != "leave-one-out" or self.tricks):
            raise ValueError(
                "`against` compares whole recipes: pass it, or `design` and `tricks`, not both. "
                f"Received: against={' '.join(self.against)}"
            )
        if self.minutes is not None and not self.minutes > 0:
            raise ValueError(f"`minutes` must be positive. Received: minutes={self.minutes}")
        if self.epochs is not None and self.minutes is not None:
            raise ValueError(
                f"Pass `epochs` or `minutes`, not both. Received: epochs={self.epochs}, minutes={self.minutes}"
            )
        if self.ray is not None and self.workers > 1:
            raise ValueError(
                f"Pass `ray` or `workers`, not both: Ray shares out the runs. Received: workers={self.workers}"
            )
