"""What a command is asked to do with a finished model: the flags are made from these classes. Keras is not imported."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import Parameter


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelTask:
    """What the commands that use a finished model share.

    Args:
        model: A .keras file, or the directory of a run.
        batch_size: Images in a batch.
        backend: `tensorflow`, `jax` or `torch`. Default: KERAS_BACKEND, Keras' own file, or the first installed.
        seed: Seed of what is drawn.

    Raises:
        ValueError: If a number is out of its range.
    """

    model: Annotated[str, Parameter(show_default=False)] = dataclasses.field(kw_only=False)
    batch_size: int = 64
    backend: str | None = None
    seed: int = 0

    def __post_init__(self):
        for name, least in (("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be at least {least}. Received: {name}={getattr(self, name)}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateTask(ModelTask):
    """What `evaluate` is asked to do.

    Args:
        data: A folder as for `train`, a CSV file of paths and labels, or `digits`.
        split: Which images. Default: the test split, else the validation split, else all.
        flips: Average the answers for each image and its mirror image.
        out: Directory for `evaluation.json` and `evaluation.html`, new or empty. Default: the next free
            runs/evaluate-<data>-<n>.
    """

    data: Annotated[str, Parameter(show_default=False)] = dataclasses.field(kw_only=False)
    split: Literal["train", "validation", "test", "all"] | None = None
    flips: Annotated[bool, Parameter(negative=())] = False
    out: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictTask(ModelTask):
    """What `predict` is asked to do.

    Args:
        paths: Image files, folders (all images below them), or `-` for a list of paths on standard input.
        output_format: `csv` or `jsonl`.
        top: How many classes to tell for each image, the likeliest first.
        out: File to write, new. Default: standard output.
    """

    paths: Annotated[Sequence[str], Parameter(show_default=False)] = dataclasses.field(kw_only=False)
    output_format: Annotated[Literal["csv", "jsonl"], Parameter(name="--format")] = "csv"
    top: int = 1
    out: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportTask(ModelTask):
    """What `export` is asked to do.

    Args:
        output_format: The form of the exported model.
        images: A folder of images to compare on, or image files. Default: the photographs of the run's data.
        int8: Quantize a LiteRT model to 8-bit integers, and tell its accuracy before and after.
        out: Where to write, new. Default: beside the model.
    """

    output_format: Annotated[
        Literal["onnx", "saved_model", "litert", "openvino"], Parameter(name="--format", show_default=False)
    ]
    images: str | None = None
    int8: Annotated[bool, Parameter(negative=())] = False
    out: str | None = None
