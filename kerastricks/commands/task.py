"""What a command is asked to do: the settings that commands share, each named and explained once.

The flags of the command line are made from these classes, and what a run writes down comes from them. Keras is not
imported here.
"""

import dataclasses
import shlex
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from cyclopts import Parameter

DEFAULT_RECIPE = "tutorial"
_Names = Annotated[Sequence[str], Parameter(consume_multiple=True, negative=(), show_default=False)]


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
    without: _Names = ()
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
    seed: int = 0
    backend: str | None = None
    default_recipe: Annotated[str, Parameter(parse=False)] = DEFAULT_RECIPE

    LOADING: ClassVar[tuple[str, ...]] = ("images", "image_size", "cache_size", "deepest")
    LEASTS: ClassVar[dict[str, int]] = {
        **dict.fromkeys(("batch_size", "images", "image_size", "epochs", "seeds", "workers"), 1),
        **dict.fromkeys(("steps", "rounds", "early_stopping"), 1),
        "classes": 2,
        "seed": 0,
        "cache_size": 0,
    }

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, least = getattr(self, field.name), self.LEASTS.get(field.name)
            if value is not None and least is not None and not value >= least:
                raise ValueError(f"`{field.name}` must be at least {least}. Received: {field.name}={value}")
        for name in ("without", "with_tricks"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"`{name}` must be a sequence of names. Received: {name}={getattr(self, name)!r}")
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
        del values["default_recipe"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

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
            if field.name in ("data", "default_recipe") or value == field.default:
                continue
            values = value if isinstance(value, list | tuple) else [] if value is True else [value]
            flag = "with" if field.name == "with_tricks" else field.name.replace("_", "-")
            words += [f"--{flag}", *map(str, values)]
        return shlex.join(words)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainTask(Task):
    """What `train` is asked to do.

    Args:
        epochs: Passes over the training images. Default: the recipe's.
        optimizer: `SGD` (Nesterov momentum 0.9), `AdamW`, or a name of keras.optimizers, with the learning rate and
            weight decay of the recipe. Default: the recipe's.
        early_stopping: Stop after so many epochs without a lower validation loss, and restore the best weights.
        balance: Weigh the classes in the loss by the inverse of their number of images.
        tensorboard: Write losses, accuracies and learning rates for TensorBoard, too: <out>/tensorboard.
        out: Directory to write, new or empty. Default: the next free runs/<data>-<n>.
    """

    epochs: int | None = None
    optimizer: str | None = None
    early_stopping: int | None = None
    balance: Annotated[bool, Parameter(negative=())] = False
    tensorboard: Annotated[bool, Parameter(negative=())] = False
    out: str | None = None

    @property
    def spoken(self) -> tuple[str, ...]:
        """See `Task.spoken`."""
        patience = self.early_stopping
        return (*self.with_tricks, *([] if patience is None else [f"EarlyStopping:patience={patience}"]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class AblateTask(TrainTask):
    """What `ablate` is asked to do.

    Args:
        recipe: A name that `kerastricks recipes` lists, or a Python file that holds `recipe`.
        design: Leave each trick out of the recipe, add each to none, add one after the other, or train all
            combinations.
        seeds: How many seeds, from `seed` on.
        tricks: Tricks to judge, by name; the others stay in every arm. Default: all.
        minutes: Time for the whole ablation, in place of the epochs.
        workers: Runs side by side, as processes.
        ray: Address of a Ray cluster that makes the runs, one GPU each where it has any.
        out: Directory. Default: runs/ablate-<data>-<recipe>-<design>.
    """

    recipe: Annotated[Any, Parameter(accepts_keys=False)] = "cifar"
    model: str = "resnet20"
    design: Literal["leave-one-out", "add-one-in", "ladder", "all"] = "leave-one-out"
    seeds: int = 3
    tricks: _Names = ()
    minutes: float | None = None
    workers: int = 1
    ray: str | None = None
    tensorboard: Annotated[bool, Parameter(parse=False)] = False
    out: str | None = None

    # What another call on the same directory may ask for.
    MAY_CHANGE: ClassVar[tuple[str, ...]] = ("seed", "seeds", "workers", "ray", "out", "cache_size")

    def __post_init__(self):
        super().__post_init__()
        if self.tensorboard:
            raise ValueError("`tensorboard` is for a run of `train`: an ablation keeps the figures of its runs itself.")
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchTask(Task):
    """What `bench` is asked to do.

    Args:
        data: `random` for random images, or `digits`, or a folder.
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
