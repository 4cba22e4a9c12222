"""What a command is asked to do: the settings that commands share, each named and explained once.

The flags of the command line are made from these classes, and what a run writes down comes from them. Keras is not
imported here.
"""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from cyclopts import Parameter

DEFAULT_RECIPE = "tutorial"
Names = Annotated[Sequence[str], Parameter(consume_multiple=True, negative=(), show_default=False)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """What all commands share.

    Args:
        data: `digits` (built in); a folder: root/class/*.jpg, or root/{train,val,test}/class/*.jpg; or a .csv file
            with the columns path, label and, if wanted, split.
        recipe: A name that `kerastricks recipes` lists, or a Python file that holds `recipe`. Default: `finetune` for
            a network with weights, else `cifar` for images of 32 to 64 pixels, else `tutorial`; without the tricks
            that do not apply.
        model: `resnet20`, `resnet50d`, `efficientnet_lite0`, a name of keras.applications, or a .keras file. Default:
            `resnet20` for images of up to 64 pixels, else `efficientnet_lite0`, with its weights if they are installed.
        weights: What the model begins with: `imagenet`, or a .keras or .weights.h5 file of the same architecture.
        without: Tricks to leave out of the recipe, by name.
        with_tricks: Tricks of the bag to add, last in the recipe, or in place of its own: NAME, or
            NAME:setting=value,setting=value as in `MixUp:alpha=0.4`. `kerastricks tricks` lists them.
        efficient: Put Efficient before the tricks: bfloat16 and fused layers where they are faster.
        learning_rate: Learning rate that the recipe starts from. Default: the recipe's.
        batch_size: Images in a batch. Default: the recipe's.
        images: Train on at most so many images, and validate on at most so many.
        image_size: Side of a folder's images in pixels. Default: their own if all are equal squares, else 256 for a
            network with weights by `finetune`, 224 for others.
        cache_size: Largest cache of a folder's decoded images, in GB of pixels; beyond it they are decoded in every
            epoch. Default: 10.
        deepest: Take the deepest folders that hold images for the classes, as in Fruit/Apple/*.jpg, and not the first.
        allow_bad: How many files may be bad, a number such as 3 or a share such as 1%; they are left out, and the
            report lists them. Default: none.
        seed: Seed of the weights, the split, the order and every draw.
        backend: `tensorflow`, `jax` or `torch`. Default: KERAS_BACKEND, Keras' own file, or the first installed.
        default_recipe: Name of the recipe that the images got where nobody asked for one.

    Raises:
        ValueError: If a number is out of its range.
    """

    data: Annotated[Any, Parameter(show_default=False)] = dataclasses.field(kw_only=False)
    recipe: Annotated[Any, Parameter(accepts_keys=False)] = None
    model: str | None = None
    weights: str | None = None
    without: Names = ()
    with_tricks: Annotated[
        Sequence[str], Parameter(name="--with", consume_multiple=True, negative=(), show_default=False)
    ] = ()
    efficient: Annotated[bool, Parameter(negative=())] = False
    learning_rate: float | None = None
    batch_size: int | None = None
    images: int | None = None
    image_size: int | None = None
    cache_size: float | None = None
    deepest: Annotated[bool, Parameter(negative=())] = False
    allow_bad: str | None = None
    seed: int = 0
    backend: str | None = None
    default_recipe: Annotated[str, Parameter(parse=False)] = DEFAULT_RECIPE

    LOADING: ClassVar[tuple[str, ...]] = ("images", "image_size", "cache_size", "deepest", "allow_bad")
    LEASTS: ClassVar[dict[str, int]] = {
        **dict.fromkeys(("batch_size", "images", "image_size", "epochs", "seeds", "workers"), 1),
        **dict.fromkeys(("steps", "rounds", "early_stopping", "keep_every"), 1),
        "classes": 2,
        **dict.fromkeys(("seed", "cache_size", "checkpoint_minutes"), 0),
    }

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, least = getattr(self, field.name), self.LEASTS.get(field.name)
            if value is not None and least is not None and not value >= least:
                raise ValueError(f"`{field.name}` must be at least {least}. Received: {field.name}={value}")
        for name in ("without", "with_tricks", "against"):
            if isinstance(value := getattr(self, name, ()), str):
                raise ValueError(f"`{name}` must be a sequence of names. Received: {name}={value!r}")
        if self.allow_bad is not None:
            from kerastricks.data.bad import allowed  # takes a moment to import

            allowed(self.allow_bad, 0)
        asked = [words.partition(":")[0] for words in self.spoken]
        for name in asked:
            if asked.count(name) > 1 or name in self.without:
                raise ValueError(
                    f"{name} is added twice, or added and left out. "
                    f"Received: with {' '.join(self.spoken)}; without {' '.join(self.without) or 'nothing'}"
                )

    @property
    def spoken(self) -> tuple[str, ...]:
        """The tricks that the task adds to the recipe, as `kerastricks.recipes.spoken.trick` takes them."""
        return tuple(self.with_tricks)

    @property
    def recipe_name(self) -> str:
        """The name of the recipe, also where nobody asked for one; `recipe` for an object."""
        if self.recipe is None:
            return self.default_recipe
        return self.recipe if isinstance(self.recipe, str) else "recipe"

    def settings(self) -> dict[str, Any]:
        """Returns the settings as JSON's types; data and recipes that are objects by their names."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["data"] = self.data if isinstance(self.data, str) else self.data.name
        values["recipe"] = self.recipe_name
        for name in ("default_recipe", "resume"):
            values.pop(name, None)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def check_data(self) -> None:
        """Raises a `ValueError` if the task names no data, or what is not there."""
        if self.data is None:
            raise ValueError(
                "There is no data. Pass `digits`, a folder with one folder of images a class, or a .csv file; or, to "
                "`train`, --resume with the directory of a run."
            )
        if isinstance(self.data, str) and self.data not in ("digits", "random") and not Path(self.data).exists():
            raise ValueError(
                f"{self.data} does not exist. Pass `digits`, a folder with one folder of images a class, or a .csv "
                "file of paths and labels."
            )

    def with_data(self, data: Any) -> Any:
        """Returns the task on data that is loaded already, without the settings that say how to load it."""
        fields = dataclasses.fields(self)
        unset: dict[str, Any] = {field.name: field.default for field in fields if field.name in self.LOADING}
        return dataclasses.replace(self, data=data, **unset)

    def command(self, name: str, backend: str) -> str:
        """Returns the command line that does the task again.

        Args:
            name: The command, as `train`.
            backend: The backend that it ran on.
        """
        if not isinstance(self.data, str) or not isinstance(self.recipe, str | None):
            return f"kerastricks.{name}(...), with a recipe or data of the caller's"
        words = ["kerastricks", name, self.data]
        for field in dataclasses.fields(self):
            value = backend if field.name == "backend" else getattr(self, field.name)
            if field.name in ("data", "default_recipe", "resume") or value in (field.default, [], ()):
                continue
            values = value if isinstance(value, list | tuple) else [] if value is True else [value]
            flag = "with" if field.name == "with_tricks" else field.name.replace("_", "-")
            if value is False:
                flag, values = f"no-{flag}", []
            words += [f"--{flag}", *map(str, values)]
        return shlex.join(words)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainTask(Task):
    """What `train` is asked to do.

    Args:
        epochs: Passes over the training images. Default: the recipe's.
        optimizer: `SGD` (Nesterov momentum 0.9), `AdamW`, `Lamb`, `Muon`, or another name of keras.optimizers, with
            the learning rate and weight decay of the recipe. Default: the recipe's.
        early_stopping: Stop after so many epochs without a lower validation loss, and restore the best weights.
        balance: Weigh the classes in the loss by the inverse of their number of images.
        tensorboard: Write losses, accuracies and learning rates for TensorBoard, too: <out>/tensorboard.
        out: Directory to write, new or empty. Default: the next free runs/<data>-<n>.
        resume: Go on with a run that was stopped, as if it had not been: its directory, without anything else; or,
            after the same command, nothing for the newest. With more `epochs` a finished run goes on, too.
        checkpoint_minutes: Minutes between two savings of the run, beside those at the ends of epochs; no more of them
            than take 3 % of its time.
        keep_every: Keep the state of the run after each so many epochs, beside the last two and the best.
        on_nan: What happens where the loss is no number: `stop`, or `rollback` to the last good state, at half the
            learning rate.
        devices: How many devices of this machine share each batch, or `all`. Default: one, or all where several
            processes train together.
        synchronized: Take BatchNormalization's moments over the whole batch, and not over each device's part.
        coordinator: HOST:PORT of process 0, where several processes train together, or `auto` for what SLURM says.
            Default: KERAS_DISTRIBUTION_JOB_ADDRESSES.
        processes: How many of them there are. Default: KERAS_DISTRIBUTION_NUM_PROCESSES.
        process: The number of this one, from 0, which alone writes. Default: KERAS_DISTRIBUTION_PROCESS_ID.
    """

    data: Annotated[Any, Parameter(show_default=False)] = dataclasses.field(default=None, kw_only=False)
    epochs: int | None = None
    optimizer: str | None = None
    early_stopping: int | None = None
    balance: Annotated[bool, Parameter(negative=())] = False
    tensorboard: Annotated[bool, Parameter(negative=())] = False
    out: str | None = None
    resume: str | None = None
    checkpoint_minutes: Annotated[float, Parameter(show_default=True)] = 5.0
    keep_every: int | None = None
    on_nan: Literal["stop", "rollback"] = "stop"
    devices: int | Literal["all"] | None = None
    synchronized: Annotated[bool, Parameter(show_default=True)] = True
    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None

    @property
    def spoken(self) -> tuple[str, ...]:
        """See `Task.spoken`."""
        patience = self.early_stopping
        return (*self.with_tricks, *([] if patience is None else [f"EarlyStopping:patience={patience}"]))
