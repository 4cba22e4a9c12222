"""What `lr-find` is asked to do. Keras is not imported here."""

import dataclasses
from typing import Annotated

from cyclopts import Parameter

from kerastricks.commands.task import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearningRateTask(Task):
    """What `lr-find` is asked to do.

    Args:
        start: The lowest learning rate.
        stop: The highest one; the sweep ends before it where the loss grows to four times its lowest value.
        steps: Batches.
        optimizer: As for `train`.
        out: Directory for `lr_find.svg` and `lr_find.json`, new or empty. Default: the next free
            runs/lr-find-<data>-<n>.
    """

    start: Annotated[float, Parameter(show_default=True)] = 1e-7
    stop: Annotated[float, Parameter(show_default=True)] = 10.0
    steps: Annotated[int, Parameter(show_default=True)] = 200
    optimizer: str | None = None
    out: str | None = None

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.start < self.stop:
            raise ValueError(
                f"`start` must be positive and below `stop`. Received: start={self.start}, stop={self.stop}"
            )
