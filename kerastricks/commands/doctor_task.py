"""What `doctor` is asked to look at. Keras is not imported here."""

import dataclasses
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kerastricks.commands.model_task import ModelTask, _Model


@dataclasses.dataclass(frozen=True, kw_only=True)
class _WithData(_Model):
    data: Annotated[str | None, Parameter(show_default=False)] = dataclasses.field(default=None, kw_only=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoctorTask(ModelTask, _WithData):
    """What `doctor` is asked to look at.

    Args:
        model: A .keras file, the directory of a run, or data: `digits`, a folder as for `train`, or a CSV file.
        data: The data of a .keras file. Default: none; of a run, its own, if that is still there.
        epochs: Epochs that the model is to be trained for, to judge what depends on the length of the run.
        batch_size: Images in a batch of that training.
        sweep: Run the learning rate finder, too: for a compiled model with its data.
        seed: Seed of the split, where the data brings none, and of the sweep.

    Raises:
        ValueError: If a number is out of its range, or there is nothing to do a sweep with.
    """

    epochs: int | None = None
    batch_size: int | None = None  # type: ignore[assignment]
    sweep: Annotated[bool, Parameter(negative=())] = False
    seed: int = 0

    def __post_init__(self):
        for name, least in {"epochs": 1, "batch_size": 1, "seed": 0}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value}")
        if self.data is not None and self.kind == "data":
            raise ValueError(
                f"Two data sets. Expected a model and its data, or one of them. Received: {self.model} and {self.data}"
            )
        alone = self.kind != "model" or self.data is None
        if alone and (self.epochs or self.batch_size):
            raise ValueError(
                "`epochs` and `batch_size` are for a .keras file and its data. "
                f"Received: epochs={self.epochs}, batch_size={self.batch_size}. Pass both files, or leave them out."
            )
        if self.epochs and not self.batch_size:
            raise ValueError(f"`epochs` needs `batch_size`, to count steps. Received: epochs={self.epochs}. Pass both.")
        if self.seed and self.kind == "run":
            raise ValueError(f"A run has its own seed. Received: seed={self.seed}. Leave it out.")
        if self.sweep and alone:
            raise ValueError(
                "`sweep` is for a .keras file and its data: it trains a copy of the model. Pass both, or see lr-find."
            )

    @property
    def kind(self) -> str:
        """What the first argument is: `model`, `run` or `data`."""
        path = Path(self.model)
        if self.model == "digits" or self.model.lower().endswith(".csv"):
            return "data"
        if path.is_dir() and not (path / "saved_model.pb").exists():
            return "run" if any((path / name).is_file() for name in ("run.json", "model.keras")) else "data"
        return "model"

    def check_files(self):
        for path in (self.model, self.data):
            if path not in (None, "digits") and not Path(str(path)).exists():
                raise ValueError(
                    f"{path} does not exist. Pass a .keras file, the directory of a run, or data: "
                    "`digits`, a folder with one folder of images a class, or a CSV file."
                )
