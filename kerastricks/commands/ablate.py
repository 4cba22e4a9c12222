"""Measures which tricks of a recipe help on the data at hand, and how sure that is."""

import csv
import dataclasses
import json
import os
import re
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kerastricks import data as data_room
from kerastricks import models
from kerastricks.commands import recipes
from kerastricks.commands.designs import Arm, design
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
    design_of: str = "leave-one-out",
    seeds: int = 3,
    tricks: Sequence[str] = (),
    epochs: int | None = None,
    minutes: float | None = None,
    batch_size: int | None = None,
    images: int | None = None,
    image_size: int | None = None,
    cache_size: float = 10.0,
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
        design_of: `leave-one-out`, `add-one-in`, `ladder` or `all`; see `kerastricks.commands.designs.design`.
        seeds: How many seeds, from 0.
        tricks: Names of the tricks to judge; the others stay in every arm. By default all.
        epochs: Passes over the training images in each run; the recipe's by default.
        minutes: Time for the whole ablation on one worker, in place of `epochs`, which follow from a trial.
        batch_size: Images in a batch; the recipe's by default.
        images: Largest number of training images, and of validation images.
        image_size: Side in pixels of the images of a folder.
        cache_size: Largest cache of decoded images, in GB.
        workers: Runs side by side, as processes; a script then needs `if __name__ == "__main__":`.
        ray: Address of a Ray cluster that makes the runs.
        out: Directory; by default `runs/ablate-<data>-<recipe>-<design>`.
        say: Called with lines of progress: each run, the time left, and the table so far.

    Raises:
        ValueError: If an argument does not fit, or `out` holds another ablation; nothing is overwritten then.
    """
    if seeds < 1 or workers < 1:
        raise ValueError(f"`seeds` and `workers` must be at least 1. Received: seeds={seeds}, workers={workers}")
    if epochs is not None and minutes is not None:
        raise ValueError(f"Pass `epochs` or `minutes`, not both. Received: epochs={epochs}, minutes={minutes}")
    name = recipe if isinstance(recipe, str) else "recipe"
    chosen = recipes.find(recipe) if isinstance(recipe, str) else recipe
    arms, comparisons = design(chosen, design_of, tricks)
    models.find(model)
    size = chosen.batch_size if batch_size is None else batch_size
    settings = {
        "data": data.name if isinstance(data, data_room.Data) else data,
        "recipe": name,
        "tricks": repr(chosen),
        "model": model,
        "design": design_of,
        "arms": [arm.name for arm in arms],
        "batch_size": size,
        "images": images,
        "image_size": image_size,
        "asked": {"epochs": chosen.epochs if epochs is None and minutes is None else epochs, "minutes": minutes},
        "workers": workers,
        **environment(),
    }
    base = Job(data, chosen, model, 1, size, 0, images, image_size, cache_size)
    source = load(base)
    settings["images_crc32"] = zlib.crc32(source.train[1].tobytes() + source.validation[1].tobytes())
    folder = Path(out or f"runs/ablate-{source.name}-{Path(name).stem}-{design_of}")
    known = _known(folder, settings)
    if known is None:
        passes = settings["asked"]["epochs"] or _epochs_in(minutes, base, len(arms) * seeds, say)
        known = {**settings, "epochs": passes}
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        _write(folder / "ablation.json", known)
    job = dataclasses.replace(base, epochs=known["epochs"])
    runs = _Runs(folder, arms, seeds)
    command = _command(locals())
    facts = {
        **{key: known[key] for key in ("data", "model", "recipe", "design", "epochs", "batch_size", "backend")},
        **{key: known[key] for key in ("hardware", "versions")},
        "command": command,
        "seeds": list(range(seeds)),
        "train_images": len(source.train[1]),
        "validation_images": len(source.validation[1]),
        "classes": list(source.classes),
    }

    def result() -> dict[str, Any]:
        found = runs.by_arm()
        seconds = sum(one.get("seconds", 0.0) for arm in found for one in arm["runs"])
        return {**facts, "seconds": seconds, "arms": found, "effects": judge(found, comparisons)}

    missing = runs.missing()
    jobs = [dataclasses.replace(job, recipe=arm.recipe, seed=seed) for arm, seed in missing]
    start = time.perf_counter()
    for done, (number, outcome) in enumerate(outcomes(jobs, workers, ray), start=1):
        arm, seed = missing[number]
        runs.keep(arm, seed, outcome)
        left = (time.perf_counter() - start) / done * (len(jobs) - done)
        figures = outcome.get("error") or f"accuracy {outcome['accuracy']:.4f}, {outcome['seconds']:.0f} s"
        count = len(arms) * seeds - len(jobs) + done
        say(f"run {count}/{len(arms) * seeds}  {arm.name}, seed {seed}: {figures}; {left / 60:.0f} min left")
        say(table(result()))
    final = result()
    _write(folder / "results.json", final)
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(csv_rows(final))
    (folder / "report.html").write_text(ablation_page(final), encoding="utf-8")
    return Ablation(final, folder)
