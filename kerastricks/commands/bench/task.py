"""What `bench` is asked to do. Keras is not imported here."""

import dataclasses
from typing import Annotated, Any, ClassVar

from cyclopts import Parameter

from kerastricks.commands.task import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchTask(Task):
    """What `bench` is asked to do.

    Args:
        data: `random` for random images, or `digits`, or a folder.
        model: As for `train`, but `resnet20` where none is named, whatever the images.
        classes: Classes of random images. Default: 10.
        steps: Steps that each side trains in a round.
        rounds: Rounds; the figures are medians over them.
    """

    data: Annotated[Any, Parameter(show_default=True)] = dataclasses.field(default="random", kw_only=False)
    model: str = "resnet20"
    classes: int | None = None
    steps: int = 40
    rounds: int = 5

    LOADING: ClassVar[tuple[str, ...]] = (*Task.LOADING, "classes")

    def __post_init__(self):
        super().__post_init__()
        if self.classes is not None and self.data != "random":
            raise ValueError(f"`classes` is for random images. Received: classes={self.classes}, data={self.data!r}")
        if self.cache_size is not None and self.data == "random":
            raise ValueError(f"`cache_size` is for folders. Received: cache_size={self.cache_size}, data='random'")
        if self.allow_bad is not None and self.data == "random":
            raise ValueError(f"`allow_bad` is for folders. Received: allow_bad={self.allow_bad!r}, data='random'")
