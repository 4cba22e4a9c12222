"""What a command is asked to do with a finished model: the flags are made from these classes. Keras is not imported."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from cyclopts import Parameter

from kerastricks.commands.output import check_writable


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Model:
    # Of classes of their own: cyclopts takes fields by position only before the first that is a flag.
    model: Annotated[str, Parameter(show_default=False)] = dataclasses.field(kw_only=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _OnData(_Model):
    data: Annotated[str, Parameter(show_default=False)] = dataclasses.field(kw_only=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _OnPaths(_Model):
    paths: Annotated[Sequence[str], Parameter(show_default=False, negative=(), allow_leading_hyphen=True)] = (
        dataclasses.field(kw_only=False)
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelTask(_Model):
    """What the commands that use a finished model share.

    Args:
        model: A .keras file, or the directory of a run.
        batch_size: Images in a batch.
        backend: `tensorflow`, `jax` or `torch`. Default: KERAS_BACKEND, Keras' own file, or the first installed.

    Raises:
        ValueError: If a number is out of its range.
    """

    batch_size: int = 64
    backend: str | None = None

    LEASTS: ClassVar[dict[str, int]] = {"batch_size": 1, "cache_size": 0, "seed": 0, "top": 1}

    def __post_init__(self):
        for name, least in self.LEASTS.items():
            value = getattr(self, name, None)
            if value is not None and not value >= least:
                raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value}")

    def check_files(self) -> None:
        """Raises a `ValueError` if the model, or data that the task names, is not there; so far no Keras is needed."""
        if not Path(self.model).exists():
            raise ValueError(
                f"{self.model} does not exist. Pass a .keras file, or the directory of a run of kerastricks train."
            )

    def command(self, name: str, backend: str) -> str:
        """Returns the command line that does the task again; where it wrote to is left out.

        Args:
            name: The command, as `evaluate`.
            backend: The backend that it ran on.
        """
        words, flags = ["kerastricks", name], []
        for field in dataclasses.fields(self):
            value = backend if field.name == "backend" else getattr(self, field.name)
            if not field.kw_only:
                words += [value] if isinstance(value, str) else list(value)
            elif field.name != "out" and value != field.default:
                flags += [f"--{field.name.removeprefix('output_').replace('_', '-')}"]
                flags += [] if value is True else [str(value)]
        return shlex.join([*words, *flags])


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateTask(ModelTask, _OnData):
    """What `evaluate` is asked to do.

    Args:
        data: A folder as for `train`, a CSV file of paths and labels, or `digits`.
        split: Which images. Default: the test split, else the validation split, else all.
        cache_size: Largest cache of a folder's decoded images, in GB of pixels; beyond it they are decoded for each
            model anew. Default: 10.
        allow_bad: How many files may be bad, a number such as 3 or a share such as 1%; they are not judged.
        flips: Average the outputs for each image and its mirror image.
        seed: Seed of the bootstrap, which the intervals are from.
        out: Directory for `evaluation.json` and `evaluation.html`, new or empty. Default: the next free
            runs/evaluate-<data>-<n>.
    """

    split: Literal["train", "validation", "test", "all"] | None = None
    cache_size: float | None = None
    allow_bad: str | None = None
    flips: Annotated[bool, Parameter(negative=())] = False
    seed: int = 0
    out: str | None = None

    def check_files(self):
        super().check_files()
        if self.data != "digits" and not Path(self.data).exists():
            raise ValueError(
                f"{self.data} does not exist. Pass `digits`, a folder with one folder of images a class, or a CSV file."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictTask(ModelTask, _OnPaths):
    """What `predict` is asked to do.

    Args:
        paths: Image files, folders (all images below them), or `-` for a list of paths on standard input.
        output_format: `csv` or `jsonl`.
        top: How many classes to tell for each image, the likeliest first.
        flips: Average the outputs for each image and its mirror image.
        out: File to write, new. Default: standard output.
    """

    output_format: Annotated[Literal["csv", "jsonl"], Parameter(name="--format")] = "csv"
    top: int = 1
    flips: Annotated[bool, Parameter(negative=())] = False
    out: str | None = None

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.paths, str) or not self.paths:
            raise ValueError(f"`paths` must be a sequence of at least one path. Received: paths={self.paths!r}")
        if flags := [path for path in self.paths if path.startswith("-") and path != "-"]:
            raise ValueError(f"Unknown option: {flags[0]}. For a file of that name, pass ./{flags[0]}.")

    def check_files(self):
        super().check_files()
        if self.out is not None and Path(self.out).exists():
            raise ValueError(f"{self.out} exists. Pass another file with --out, or remove it.")
        if self.out is not None:
            check_writable(Path(self.out).parent)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportTask(ModelTask):
    """What `export` is asked to do.

    Args:
        output_format: The form of the exported model.
        images: Images to compare on: a folder, image files, or a data set as for `evaluate`. Default: the data of the
            model's run, if it is still there.
        int8: Quantize a LiteRT model to 8-bit integers, and tell its accuracy before and after.
        seed: Seed of the choice of images to compare on.
        out: Where to write, new. Default: beside the model.

    Raises:
        ValueError: If another format is to be quantized.
    """

    output_format: Annotated[
        Literal["onnx", "saved_model", "litert", "openvino"], Parameter(name="--format", show_default=False)
    ]
    images: Annotated[Sequence[str], Parameter(consume_multiple=True, negative=(), show_default=False)] = ()
    int8: Annotated[bool, Parameter(negative=())] = False
    seed: int = 0
    out: str | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.int8 and self.output_format != "litert":
            raise ValueError(f"`int8` is for the format litert. Received: output_format={self.output_format!r}")
        if isinstance(self.images, str):
            raise ValueError(f"`images` must be a sequence of paths. Received: images={self.images!r}")
