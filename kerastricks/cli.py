"""The command line: arguments in, words out.

It stands outside the package because importing `kerastricks` imports Keras, which takes seconds: `--help` and a wrong
argument are answered without it.
"""

import ast
import difflib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from cyclopts.types import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

app = cyclopts.App(
    name="kerastricks",
    help="Trains image classifiers with the bag of tricks. The backend is Keras' own choice: KERAS_BACKEND.",
)
_BACKENDS = ("tensorflow", "jax", "torch")


@app.command
def train(
    data: str,
    /,
    *,
    model: str = "resnet20",
    recipe: str = "tutorial",
    without: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    epochs: PositiveInt | None = None,
    batch_size: PositiveInt | None = None,
    image_size: PositiveInt | None = None,
    images: PositiveInt | None = None,
    cache_size: NonNegativeFloat = 10.0,
    efficient: bool = False,
    learning_rate: PositiveFloat | None = None,
    seed: NonNegativeInt = 0,
    out: str | None = None,
) -> None:
    """Train a classifier and leave a run directory with the model, its history and a report.

    Parameters
    ----------
    data
        `digits` (built in), or a folder: root/class/*.jpg, or root/{train,val}/class/*.
    model
        `resnet20`, a name of keras.applications, or a .keras file.
    recipe
        A name that `kerastricks recipes` lists, or a Python file that holds `recipe`.
    without
        Tricks to leave out of the recipe, by name.
    epochs
        Passes over the training images. Default: the recipe's.
    batch_size
        Images in a batch. Default: the recipe's.
    image_size
        Side of the images in pixels. Default: their own if all are equal squares, else 224.
    images
        Train on at most so many images, and validate on at most so many.
    cache_size
        Largest cache of decoded images, in GB of pixels; beyond it images are decoded in every epoch.
    efficient
        Put Efficient before the tricks: bfloat16 and fused layers where they are faster.
    learning_rate
        Rate that the recipe starts from. Default: the recipe's.
    seed
        Seed of the weights, the split, the order and every draw.
    out
        Directory of the run. Default: the next free runs/<data>-<n>.
    """
    _check_data(data)
    _choose_backend()
    from kerastricks.commands.train import train as command

    result = command(
        data,
        model=model,
        recipe=recipe,
        without=without or (),
        epochs=epochs,
        batch_size=batch_size,
        image_size=image_size,
        images=images,
        cache_size=cache_size,
        efficient=efficient,
        learning_rate=learning_rate,
        seed=seed,
        out=out,
    )
    averaged = f"  averaged {result['averaged_accuracy']:.4f}" if "averaged_accuracy" in result else ""
    print(
        f"\naccuracy {result['accuracy']:.4f}{averaged}  loss {result['loss']:.4f}  "
        f"{result['seconds']:.0f} s at {result['images_per_second']:,.0f} images/s\n"
        f"{result['directory']}/report.html shows the run, {result['directory']}/model.keras is the model"
    )


@app.command
def bench(
    data: str = "random",
    /,
    *,
    model: str = "resnet20",
    recipe: str = "tutorial",
    without: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    efficient: bool = False,
    batch_size: PositiveInt | None = None,
    image_size: PositiveInt | None = None,
    classes: PositiveInt = 10,
    cache_size: NonNegativeFloat = 10.0,
    steps: PositiveInt = 40,
    rounds: PositiveInt = 5,
    json_file: Annotated[str | None, Parameter(name="--json")] = None,
) -> None:
    """Measure the speed of training, of its step and its input, beside plain Keras and native PyTorch.

    Parameters
    ----------
    data
        `random` for random images, or `digits`, or a folder.
    model
        `resnet20`, a name of keras.applications, or a .keras file.
    recipe
        A name that `kerastricks recipes` lists, or a Python file that holds `recipe`.
    without
        Tricks to leave out of the recipe, by name.
    efficient
        Put Efficient before the tricks: bfloat16 and fused layers where they are faster.
    batch_size
        Images in a batch. Default: the recipe's.
    image_size
        Side of the images in pixels. Default: 32 for random ones, else as for `train`.
    classes
        Classes of random images.
    cache_size
        Largest cache of decoded images, in GB of pixels.
    steps
        Steps that each side trains in a round.
    rounds
        Rounds; the figures are medians over them.
    json_file
        File to write all figures to.
    """
    _choose_backend()
    from rich.console import Console

    from kerastricks.commands.bench.bench import bench as command
    from kerastricks.report.speed import table

    with Console(stderr=True).status("starting") as status:
        result = command(
            data,
            model=model,
            recipe=recipe,
            without=without or (),
            efficient=efficient,
            batch_size=batch_size,
            image_size=image_size,
            classes=classes,
            cache_size=cache_size,
            steps=steps,
            rounds=rounds,
            say=status.update,
        )
    print(table(result))
    if json_file:
        Path(json_file).write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@app.command
def ablate(
    data: str,
    /,
    *,
    recipe: str = "cifar",
    model: str = "resnet20",
    design: Literal["leave-one-out", "add-one-in", "ladder", "all"] = "leave-one-out",
    seeds: PositiveInt = 3,
    tricks: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    epochs: PositiveInt | None = None,
    minutes: PositiveFloat | None = None,
    batch_size: PositiveInt | None = None,
    images: PositiveInt | None = None,
    image_size: PositiveInt | None = None,
    cache_size: NonNegativeFloat = 10.0,
    efficient: bool = False,
    workers: PositiveInt = 1,
    ray: str | None = None,
    out: str | None = None,
) -> None:
    """Measure which tricks of a recipe help on the data, over several seeds, and how sure that is.

    Finished runs are kept: the same command goes on where it was stopped, and more seeds add to it.

    Parameters
    ----------
    data
        `digits` (built in), or a folder: root/class/*.jpg, or root/{train,val}/class/*.
    recipe
        A name that `kerastricks recipes` lists, or a Python file that holds `recipe`.
    model
        `resnet20`, a name of keras.applications, or a .keras file.
    design
        Leave each trick out of the recipe, add each to none, add one after the other, or train all combinations.
    seeds
        How many seeds.
    tricks
        Tricks to judge, by name; the others stay in every arm. Default: all.
    epochs
        Passes over the training images in each run. Default: the recipe's.
    minutes
        Time for the whole ablation, in place of the epochs.
    batch_size
        Images in a batch. Default: the recipe's.
    images
        Train on at most so many images, and validate on at most so many.
    image_size
        Side of the images in pixels. Default: their own if all are equal squares, else 224.
    cache_size
        Largest cache of decoded images, in GB of pixels.
    efficient
        Put Efficient before the tricks of every arm.
    workers
        Runs side by side, as processes.
    ray
        Address of a Ray cluster that makes the runs, one GPU each where it has any.
    out
        Directory. Default: runs/ablate-<data>-<recipe>-<design>.
    """
    _check_data(data)
    _choose_backend()
    from kerastricks.commands.ablation.ablate import ablate as command

    found = command(
        data,
        recipe=recipe,
        model=model,
        design=design,
        seeds=seeds,
        tricks=tricks or (),
        epochs=epochs,
        minutes=minutes,
        batch_size=batch_size,
        images=images,
        image_size=image_size,
        cache_size=cache_size,
        efficient=efficient,
        workers=workers,
        ray=ray,
        out=out,
        say=lambda lines: print(lines, flush=True),
    )
    print(f"\n{found}\n{found.directory}/report.html shows it, {found.directory}/results.csv holds every run")


@app.command
def recipes() -> None:
    """List the shipped recipes."""
    spec = importlib.util.find_spec("kerastricks")  # finds the package without importing it
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0], "recipes")
    for path in sorted(folder.rglob("[!_]*.py"), key=lambda path: (len(path.parts), path)):
        first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
        print(f"{path.relative_to(folder).with_suffix('').as_posix():31} {first}")


def _check_data(data: str) -> None:
    if data != "digits" and not Path(data).exists():
        raise ValueError(f"{data} does not exist. Pass `digits`, or a folder with one folder of images a class.")


def _choose_backend() -> None:
    """Sets KERAS_BACKEND to the user's choice, or else to the first backend that is installed."""
    installed = [name for name in _BACKENDS if importlib.util.find_spec(name)]
    chosen = os.environ.get("KERAS_BACKEND") or _configured()
    if chosen is None:
        if not installed:
            raise ValueError("No backend is installed. Install one with: pip install 'kerastricks[tensorflow]'")
        chosen = installed[0]
    elif chosen not in _BACKENDS:
        near = difflib.get_close_matches(chosen, _BACKENDS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"Unknown backend '{chosen}' in KERAS_BACKEND.{hint} Known: {', '.join(_BACKENDS)}.")
    elif chosen not in installed:
        raise ValueError(
            f"The backend '{chosen}' is not installed. Install it with: pip install 'kerastricks[{chosen}]', "
            f"or set KERAS_BACKEND to one that is: {', '.join(installed) or 'none'}."
        )
    os.environ["KERAS_BACKEND"] = chosen
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _configured() -> str | None:
    """Returns the backend of Keras' own file, if it is installed: Keras writes the file itself, so it is no order."""
    path = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"), "keras.json")
    try:
        name = json.loads(path.read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return name if name in _BACKENDS and importlib.util.find_spec(name) else None


def main() -> None:
    """Runs the command line; an error of the user's is one line and exit status 2."""
    try:
        app(result_action="return_none", exit_on_error=False, print_error=False)
    except (ValueError, cyclopts.CycloptsError) as error:
        print(f"kerastricks: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("kerastricks: stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
