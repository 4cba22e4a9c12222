"""Measures which tricks of a recipe help on the data at hand, and how sure that is."""

import csv
import dataclasses
import math
import re
import shlex
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerastricks import data as data_room
from kerastricks import models
from kerastricks.commands.ablation import designs, store
from kerastricks.commands.ablation.budget import epochs_within
from kerastricks.commands.ablation.jobs import Job, load
from kerastricks.commands.ablation.verdicts import judge
from kerastricks.commands.ablation.workers import check_ray, outcomes, share_device
from kerastricks.commands.train import environment
from kerastricks.recipes import choose as recipes
from kerastricks.report.ablation import ablation_page
from kerastricks.report.ablation_text import COLUMNS, csv_rows, table
from kerastricks.training.recipe import Recipe


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

    def save(self) -> None:
        """Writes `results.json`, `results.csv` with one row a run, and `report.html`."""
        store.write(self.directory / "results.json", self.result)
        with (self.directory / "results.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(csv_rows(self.result))
        (self.directory / "report.html").write_text(ablation_page(self.result), encoding="utf-8")

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
        design: `leave-one-out`, `add-one-in`, `ladder` or `all`; see `kerastricks.commands.ablation.designs.arms`.
        seeds: How many seeds, from 0.
        tricks: Names of the tricks to judge; the others stay in every arm. By default all.
        epochs: Passes over the training images in each run; the recipe's by default.
        minutes: Time for the whole ablation on one worker, in place of `epochs`; more workers take less.
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
    counts = {"seeds": seeds, "workers": workers, "epochs": epochs, "batch_size": batch_size, "minutes": minutes}
    for name, value in counts.items():
        if value is not None and not (value > 0 if name == "minutes" else value >= 1):
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}")
    if epochs is not None and minutes is not None:
        raise ValueError(f"Pass `epochs` or `minutes`, not both. Received: epochs={epochs}, minutes={minutes}")
    if ray is not None and workers > 1:
        raise ValueError(f"Pass `ray` or `workers`, not both: Ray shares out the runs. Received: workers={workers}")
    if isinstance(data, data_room.Data) and not data.own_split:
        raise ValueError(
            f"{data.name} was split when it was loaded, and seeds are to vary the split. Pass its name or folder, or "
            "`dataclasses.replace(data, own_split=True)` to keep this split in all seeds."
        )
    chosen = recipes.choose(recipe)
    judged = tricks or chosen.names
    arms, comparisons = designs.arms(recipes.choose(chosen, efficient=efficient and bool(judged)), design, judged)
    models.find(model)
    if ray is not None:
        check_ray(ray)
    if ray is not None or workers > 1:
        share_device()
    size = chosen.batch_size if batch_size is None else batch_size
    text = recipes.text(recipe) if isinstance(recipe, str) else None
    base = Job(data, chosen, model, chosen.epochs, size, 0, images, image_size, cache_size, text)
    source = load(base)
    settings: dict[str, Any] = {
        "data": data if isinstance(data, str) else data.name,
        "recipe": recipe if isinstance(recipe, str) else "recipe",
        "model": model,
        "design": design,
        "batch_size": size,
        "tricks": re.sub(r" at 0x[0-9a-f]+", "", repr(chosen)),
        "recipe_text": text,
        "arms": list(arms),
        "images": images,
        "image_size": image_size,
        "contents": _fingerprint(source),
        "epochs_asked": epochs if epochs is not None or minutes is not None else chosen.epochs,
        "minutes": minutes,
        "efficient": efficient,
        "backend": keras.backend.backend(),
    }
    default = f"ablate-{source.name}-{Path(settings['recipe']).stem}-{design}"
    folder = Path(out) if out is not None else Path("runs", default)
    begun = store.open_directory(folder, settings)
    jobs = {arm: dataclasses.replace(base, recipe=_reference(recipe, arms[arm], efficient)) for arm in arms}
    if begun is None:
        passes = settings["epochs_asked"]
        if minutes is not None:
            slowest = max(arms, key=lambda arm: len(arms[arm].names))
            passes = epochs_within(minutes, jobs[slowest], len(arms) * seeds)
        begun = {**settings, "epochs": passes, **environment()}
        folder.mkdir(parents=True, exist_ok=True)
        store.write(folder / store.SETTINGS, begun)
    runs = store.Runs(folder, list(arms), range(seeds))
    here = environment()["hardware"]
    if runs.missing() and here not in begun["hardware"]:
        begun = {**begun, "hardware": f"{begun['hardware']}; continued on {here}"}
        store.write(folder / store.SETTINGS, begun)
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
        "cache-size": cache_size if cache_size != 10.0 else None,
        "out": out,
    }
    whole = isinstance(data, str) and isinstance(recipe, str)
    facts = {
        **{name: settings[name] for name in ("data", "recipe", "model", "design", "batch_size")},
        **{name: begun[name] for name in ("backend", "versions", "hardware", "epochs")},
        "command": _command(data, options)
        if whole
        else "kerastricks.ablate(...), with a recipe or data of the caller's",
        "seeds": list(range(seeds)),
        "train_images": len(source.train[1]),
        "validation_images": len(source.validation[1]),
        "classes": list(source.classes),
    }

    def result() -> dict[str, Any]:
        found: list[dict[str, Any]] = [{"name": arm, "tricks": arms[arm].names, "runs": runs.of(arm)} for arm in arms]
        seconds = sum(one.get("seconds", 0.0) for arm in found for one in arm["runs"])
        return {**facts, "seconds": seconds, "arms": found, "effects": judge(found, comparisons)}

    queue = {turn: dataclasses.replace(jobs[turn[0]], epochs=begun["epochs"], seed=turn[1]) for turn in runs.missing()}
    start, total = time.perf_counter(), len(arms) * seeds
    for done, (number, outcome) in enumerate(outcomes(list(queue.values()), workers, ray), start=1):
        arm, seed = list(queue)[number]
        runs.keep(arm, seed, outcome)
        left = (time.perf_counter() - start) / done * (len(queue) - done)
        say(f"run {total - len(queue) + done}/{total}  {arm}, seed {seed}: {_line(outcome, left)}")
        say(table(result()))
    found = Ablation(result(), folder)
    found.save()
    return found


def _line(outcome: dict[str, Any], left: float) -> str:
    """Returns what came out of a run and the time left for the others, in words."""
    figures = outcome.get("error") or f"accuracy {outcome['accuracy']:.4f} in {outcome['seconds']:.0f} s"
    return f"{figures}  {f'{math.ceil(left / 60)} min left' if left else 'done'}"


def _reference(recipe: str | Recipe, arm: Recipe, efficient: bool) -> Recipe | tuple[str, tuple[str, ...], bool]:
    """Returns the recipe of an arm, by name where it has one: a file is then read where the run is made."""
    if isinstance(recipe, Recipe):
        return arm
    left_out = tuple(name for name in recipes.find(recipe).names if name not in arm.names)
    return recipe, left_out, efficient and "Efficient" in arm.names


def _fingerprint(source: data_room.Data) -> int:
    """Returns a number that other labels, or other first images, would very likely change."""
    crc = 0
    for images, labels in (source.train, source.validation):
        crc = zlib.crc32(np.ascontiguousarray(labels).tobytes(), crc)
        crc = zlib.crc32(np.ascontiguousarray(images[np.arange(min(8, len(labels)))]).tobytes(), crc)
    return crc


def _command(data: str, options: dict[str, Any]) -> str:
    """Returns the command line that repeats the ablation."""
    words = [f"KERAS_BACKEND={keras.backend.backend()}", "kerastricks", "ablate", data]
    for name, value in options.items():
        if value is not None and value != ():
            values = value if isinstance(value, list | tuple) else [] if value is True else [value]
            words += [f"--{name}", *map(str, values)]
    return shlex.join(words)
