"""Measures which tricks of a recipe help on the data at hand, and how sure that is."""

import csv
import dataclasses
import math
import shlex
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerastricks import data as data_room
from kerastricks import models
from kerastricks.commands import designs, recipes, store
from kerastricks.commands.judging import judge
from kerastricks.commands.runs import Job, load, run
from kerastricks.commands.train import environment
from kerastricks.commands.workers import outcomes
from kerastricks.recipe import Recipe
from kerastricks.report.ablation import ablation_page
from kerastricks.report.ablation_text import COLUMNS, csv_rows, table


@dataclasses.dataclass(frozen=True)
class Ablation:
    """What an ablation found.

    Attributes:
        result: What `results.json` holds: settings, `arms` with their runs, `effects` of the tricks.
        directory: Where the report, the results and the runs are.
    """

    result: dict[str, Any]
    directory: Path

    def frame(self) -> Any:
        """Returns the runs as a `pandas.DataFrame`, one row each."""
        import pandas

        return pandas.DataFrame(csv_rows(self.result), columns=COLUMNS)

    def __str__(self):
        return table(self.result)


def ablate(
    data: Any,
    *,
    recipe: str | Recipe = "cifar",
    model: str = "resnet20",
    design: str = "leave-one-out",
    seeds: int = 3,
    tricks: Sequence[str] = (),
    epochs: int | None = None,
    minutes: float | None = None,
    batch_size: int | None = None,
    images: int | None = None,
    image_size: int | None = None,
    cache_size: float = 10.0,
    efficient: bool = False,
    workers: int = 1,
    ray: str | None = None,
    out: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Ablation:
    """Trains a recipe with and without its tricks, on equal budgets over several seeds, and says what each one does.

    All arms of a seed share images, steps, order and split. A seed varies the weights, the order, every draw and, where
    the data brings no validation images, the split (Bouthillier et al., 2021, arXiv:2103.03098). Finished runs are kept
    in `out`: the same call goes on where it was stopped, and a larger `seeds` adds to it.

    Args:
        data: `digits`, a folder of images, or a `kerastricks.data.Data`.
        recipe: Name of a shipped recipe, path of a Python file that holds one, or a `Recipe`.
        model: See `kerastricks.models.build`.
        design: `leave-one-out`, `add-one-in`, `ladder` or `all`; see `kerastricks.commands.designs.arms`.
        seeds: How many seeds, from 0.
        tricks: Names of the tricks to judge; the others stay in every arm. By default all.
        epochs: Passes over the training images in each run; the recipe's by default.
        minutes: Time for the whole ablation on one worker, in place of `epochs`, which follow from a trial.
        batch_size: Images in a batch; the recipe's by default.
        images: Largest number of training images, and of validation images.
        image_size: Side in pixels of the images of a folder.
        cache_size: Largest cache of decoded images, in GB.
        efficient: Whether `Efficient` comes before the tricks of every arm.
        workers: Runs side by side, as processes; a script then needs `if __name__ == "__main__":`.
        ray: Address of a Ray cluster that makes the runs.
        out: Directory; by default `runs/ablate-<data>-<recipe>-<design>`.
        say: Called with lines of progress: each run, the time left, and the table so far.

    Raises:
        ValueError: If an argument does not fit, or `out` holds another ablation; nothing is overwritten then.
    """
    for name, value in (("seeds", seeds), ("workers", workers)):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}")
    if epochs is not None and minutes is not None:
        raise ValueError(f"Pass `epochs` or `minutes`, not both. Received: epochs={epochs}, minutes={minutes}")
    chosen = recipes.choose(recipe)
    arms, comparisons = designs.arms(recipes.choose(chosen, efficient=efficient), design, tricks or chosen.names)
    models.find(model)
    size = chosen.batch_size if batch_size is None else batch_size
    base = Job(data, chosen, model, 1, size, 0, images, image_size, cache_size)
    source = load(base)
    about: dict[str, Any] = {
        "data": data if isinstance(data, str) else data.name,
        "recipe": recipe if isinstance(recipe, str) else "a recipe of the caller's",
        "model": model,
        "design": design,
        "batch_size": size,
        **environment(),
    }
    asked = chosen.epochs if epochs is None and minutes is None else epochs
    settings = {
        **about,
        "tricks": repr(chosen),
        "arms": list(arms),
        "images": images,
        "image_size": image_size,
        "contents": _fingerprint(source),
        "epochs_asked": asked,
        "minutes": minutes,
        "efficient": efficient,
        "workers": workers,
    }
    names = (source.name, Path(about["recipe"]).stem, design)
    folder = Path(out) if out is not None else Path("runs", f"ablate-{'-'.join(names)}".replace(" ", "-"))
    begun = store.open_directory(folder, settings)
    if begun is None:
        count = len(arms) * seeds
        begun = {**settings, "epochs": asked or _epochs_within(minutes or 0.0, base, count, workers)}
        folder.mkdir(parents=True, exist_ok=True)
        store.write(folder / store.SETTINGS, begun)
    runs = store.Runs(folder, list(arms), range(seeds))
    options = {
        "recipe": recipe if isinstance(recipe, str) else None,
        "model": model,
        "design": design,
        "seeds": seeds,
        "tricks": tricks,
        "epochs": epochs,
        "minutes": minutes,
        "batch-size": batch_size,
        "images": images,
        "image-size": image_size,
        "workers": workers if workers > 1 else None,
        "ray": ray,
        "efficient": efficient or None,
    }
    facts = {
        **about,
        "epochs": begun["epochs"],
        "command": _command(about["data"], options),
        "seeds": list(range(seeds)),
        "train_images": len(source.train[1]),
        "validation_images": len(source.validation[1]),
        "classes": list(source.classes),
    }

    def result() -> dict[str, Any]:
        found: list[dict[str, Any]] = [{"name": arm, "tricks": arms[arm].names, "runs": runs.of(arm)} for arm in arms]
        seconds = sum(one.get("seconds", 0.0) for arm in found for one in arm["runs"])
        return {**facts, "seconds": seconds, "arms": found, "effects": judge(found, comparisons)}

    missing = runs.missing()
    jobs = [dataclasses.replace(base, recipe=arms[arm], epochs=begun["epochs"], seed=seed) for arm, seed in missing]
    start, total = time.perf_counter(), len(arms) * seeds
    for done, (number, outcome) in enumerate(outcomes(jobs, workers, ray), start=1):
        arm, seed = missing[number]
        runs.keep(arm, seed, outcome)
        left = (time.perf_counter() - start) / done * (len(jobs) - done)
        figures = outcome.get("error") or f"accuracy {outcome['accuracy']:.4f} in {outcome['seconds']:.0f} s"
        minutes_left = f"{math.ceil(left / 60)} min left" if left else "done"
        say(f"run {total - len(jobs) + done}/{total}  {arm}, seed {seed}: {figures}  {minutes_left}")
        say(table(result()))
    final = result()
    store.write(folder / "results.json", final)
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(csv_rows(final))
    (folder / "report.html").write_text(ablation_page(final), encoding="utf-8")
    return Ablation(final, folder)


def _epochs_within(minutes: float, job: Job, runs: int, workers: int) -> int:
    """Returns the epochs with which `runs` take about `minutes`, by a run of one epoch and one of two."""
    once, twice = (run(dataclasses.replace(job, epochs=epochs))["seconds"] for epochs in (2, 4))
    epoch = max((twice - once) / 2, 1e-3)
    start = max(once - 2 * epoch, 0.0)
    epochs = math.floor((60 * minutes * workers / runs - start) / epoch)
    if epochs < 2:
        raise ValueError(
            f"{minutes:g} minutes are too few: {runs} runs of two epochs take about "
            f"{math.ceil(runs * (start + 2 * epoch) / workers / 60)}. Pass more, or fewer seeds, tricks or images."
        )
    return epochs


def _fingerprint(source: data_room.Data) -> int:
    """Returns a number that other labels, or other first images, would very likely change."""
    crc = 0
    for images, labels in (source.train, source.validation):
        crc = zlib.crc32(np.ascontiguousarray(labels).tobytes(), crc)
        crc = zlib.crc32(np.ascontiguousarray(images[np.arange(min(8, len(labels)))]).tobytes(), crc)
    return crc


def _command(data: str, options: dict[str, Any]) -> str:
    """Returns the command line that repeats the ablation."""
    words = ["kerastricks", "ablate", data]
    for name, value in options.items():
        if value is not None and value != ():
            values = value if isinstance(value, list | tuple) else [] if value is True else [value]
            words += [f"--{name}", *map(str, values)]
    return shlex.join(words)
