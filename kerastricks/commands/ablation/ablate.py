"""Measures which tricks of a recipe help on the data at hand, and how sure that is."""

import contextlib
import dataclasses
import math
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, overload

import keras
import numpy as np

from kerastricks.commands import prepare
from kerastricks.commands.ablation import jobs, store
from kerastricks.commands.ablation.arms import arms
from kerastricks.commands.ablation.budget import epochs_within
from kerastricks.commands.ablation.checks import check_memory, check_network
from kerastricks.commands.ablation.chosen import completed
from kerastricks.commands.ablation.jobs import Job
from kerastricks.commands.ablation.plan import SeedPlan, seed_plan
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.ablation.verdicts import verdicts
from kerastricks.commands.ablation.workers import check_ray, outcomes, share_device
from kerastricks.commands.environment import environment
from kerastricks.commands.output import check_writable, write_json, write_text
from kerastricks.commands.run_lock import held
from kerastricks.data import Data
from kerastricks.report.ablation import ablation_page
from kerastricks.report.ablation_text import COLUMNS, csv_rows, csv_text, table
from kerastricks.training.signals import Terminated

_MOST_RUNS = 10_000


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
        write_json(self.directory / "results.json", self.result)
        write_text(self.directory / "results.csv", csv_text(self.result))
        write_text(self.directory / "report.html", ablation_page(self.result))

    @property
    def told(self) -> str:
        """The table, and where to find the rest."""
        return f"\n{self}\n{self.directory}/report.html shows it, {self.directory}/results.csv holds every run"

    def __str__(self):
        return table(self.result)


@overload
def ablate(
    data: Any, *, say: Callable[[str], None] = ..., plan: Literal[False] = False, **settings: Any
) -> Ablation: ...


@overload
def ablate(data: Any, *, say: Callable[[str], None] = ..., plan: Literal[True], **settings: Any) -> SeedPlan: ...


def ablate(
    data: Any, *, say: Callable[[str], None] = lambda line: None, plan: bool = False, **settings: Any
) -> Ablation | SeedPlan:
    """Trains a recipe with and without its tricks, on equal budgets over several seeds, and says what each one does.

    All arms of a seed share images, steps, order and split, but for what a trick or, with `against`, a batch size
    changes of them. A seed varies the weights, the order, every draw and, where the data brings no validation images,
    the split (Bouthillier et al., 2021, arXiv:2103.03098). Finished runs are kept in `out`: the same call goes on where
    it was stopped, and a larger `seeds` adds to it.

    Args:
        data: `digits`, a folder of images, or a `kerastricks.data.Data`.
        say: Called with lines of progress: each run, the time left, and the table so far where it has changed.
        plan: Train nothing; return, from the runs in `out`, how many seeds would settle what.
        settings: The fields of `kerastricks.commands.ablation.task.AblateTask`, which `kerastricks ablate --help`
            explains: recipe (also a `Recipe`), model, design, seeds, tricks, epochs, minutes, batch_size, images,
            workers, out and more. With `workers`, a script needs `if __name__ == "__main__":`.

    Raises:
        ValueError: If a setting does not fit, or `out` holds another ablation; nothing is overwritten then.
    """
    task = AblateTask(data, plan=plan, **settings)
    if plan:
        return seed_plan(completed(task)[0])
    with contextlib.ExitStack() as stack:
        if task.out is not None:
            stack.enter_context(held(Path(task.out)))
        return _ablate(task, say, stack)


def _ablate(task: AblateTask, say: Callable[[str], None], stack: contextlib.ExitStack) -> Ablation:
    """Does what `ablate` does; a directory without a name of the user's is locked on `stack`."""
    data = task.data
    if task.out is None:
        check_writable(Path("runs"))
    if task.minutes is not None and not math.isfinite(task.minutes):
        raise ValueError(f"`minutes` must be finite. Received: minutes={task.minutes}")
    if isinstance(data, Data) and not data.own_split:
        raise ValueError(
            f"{data.name} was split when it was loaded, and seeds are to vary the split. Pass its name or folder, or "
            "`dataclasses.replace(data, own_split=True)` to keep this split in all seeds."
        )
    if task.ray is not None:
        check_ray(task.ray)
    if task.ray is not None or task.workers > 1:
        share_device()
    task, chosen = completed(task)
    asked = arms(task)
    whole, recipes = asked.recipe, asked.recipes
    if (runs_asked := len(recipes) * task.seeds) > _MOST_RUNS:
        raise ValueError(
            f"{len(recipes)} arms with {task.seeds} seeds each are {runs_asked:,} runs, more than {_MOST_RUNS:,}, "
            f"which take a week at a minute each. Pass fewer `seeds`. Received: seeds={task.seeds}"
        )
    own = prepare.recipe_notes(dataclasses.replace(task, epochs=None)) if task.optimizer is not None else []
    for line in (*chosen, *asked.notes, *own):
        say(line)
    source = jobs.load(task)
    check_network(task, whole, source)
    backend = keras.backend.backend()
    wanted = {**asked.settings(task), "contents": _fingerprint(source)}
    folder = store.directory(task, source.name)
    if task.out is None:
        stack.enter_context(held(folder))
    begun = store.open_directory(folder, wanted)
    if begun is None:
        if task.ray is None:
            check_memory(task, recipes.values(), source)
        epochs = wanted["epochs"]
        if task.minutes is not None:
            slowest = max(recipes, key=lambda arm: len(recipes[arm].names))
            epochs = epochs_within(task.minutes, asked.job(slowest, seed=task.seed), len(recipes) * task.seeds)
        begun = {**wanted, "epochs_each": epochs, **environment()}
        write_json(folder / store.SETTINGS, begun)
    seeds = range(task.seed, task.seed + task.seeds)
    runs = store.Runs(folder, list(recipes), seeds)
    if runs.missing() and (now := _continued(begun, environment())) != begun:
        begun = now
        write_json(folder / store.SETTINGS, begun)
    facts = {
        **{name: begun[name] for name in ("data", "recipe", "model", "design", "batch_size")},
        **{name: begun[name] for name in ("backend", "versions", "hardware")},
        "epochs": begun["epochs_each"],
        "command": task.command("ablate", backend),
        "seeds": list(seeds),
        "train_images": len(source.train[1]),
        "validation_images": len(source.validation[1]),
        "classes": list(source.classes),
    }

    def result() -> dict[str, Any]:
        found: list[dict[str, Any]] = [
            {"name": arm, "tricks": recipe.names, "batch_size": recipe.batch_size, "runs": runs.of(arm)}
            for arm, recipe in recipes.items()
        ]
        seconds = sum(one.get("seconds", 0.0) for arm in found for one in arm["runs"])
        return {**facts, "seconds": seconds, "arms": found, "effects": verdicts(found, asked.comparisons, seeds)}

    def job(arm: str, seed: int) -> Job:
        checkpoints = None if task.ray else str(runs.unfinished(arm, seed).resolve())  # Ray's machines share no disk
        return asked.job(arm, epochs=begun["epochs_each"], seed=seed, checkpoints=checkpoints)

    queue = {(arm, seed): job(arm, seed) for arm, seed in runs.missing()}
    start, total, shown = time.perf_counter(), len(recipes) * task.seeds, _judged(result())
    try:
        for done, (number, outcome) in enumerate(outcomes(list(queue.values()), task.workers, task.ray), start=1):
            arm, seed = list(queue)[number]
            runs.keep(arm, seed, outcome)
            left = (time.perf_counter() - start) / done * (len(queue) - done)
            say(f"run {total - len(queue) + done}/{total}  {arm}, seed {seed}: {_line(outcome, left)}")
            now = result()
            if done < len(queue) and (found := _judged(now)) != shown:
                say(table(now))
                shown = found
    except (KeyboardInterrupt, Terminated) as error:
        kept = total - len(runs.missing())
        raise (Terminated if isinstance(error, Terminated) else KeyboardInterrupt)(
            f"{kept} of {total} runs are kept in {folder}; the same command goes on with the others"
        ) from None
    ablation = Ablation(result(), folder)
    ablation.save()
    every = [run for arm in ablation.result["arms"] for run in arm["runs"]]
    if all("error" in run for run in every):
        raise ValueError(f"No run succeeded: {every[0]['error']}")
    return ablation


def _continued(begun: dict[str, Any], here: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of an ablation that goes on here, with a machine and versions that are new to it named."""
    machine, there = here["hardware"], begun["hardware"]
    versions = {
        name: known if (now := here["versions"].get(name, "none")) in known.split(", then ") else f"{known}, then {now}"
        for name, known in begun["versions"].items()
    }
    hardware = there if machine in there else f"{there}; continued on {machine}"
    return {**begun, "hardware": hardware, "versions": versions}


def _line(outcome: dict[str, Any], left: float) -> str:
    """Returns what came out of a run and the time left for the others, in words."""
    figures = outcome.get("error") or f"accuracy {outcome['accuracy']:.4f} in {outcome['seconds']:.0f} s"
    return f"{figures}  {f'{math.ceil(left / 60)} min left' if left else 'done'}"


def _judged(result: dict[str, Any]) -> str:
    """Returns the table without the times, which change with every run."""
    return table({"effects": [{**effect, "ms_per_step": None} for effect in result["effects"]]})


def _fingerprint(source: Data) -> int:
    """Returns a number that other labels, or other first images, would very likely change."""
    crc = 0
    for images, labels in (source.train, source.validation):
        crc = zlib.crc32(np.ascontiguousarray(labels).tobytes(), crc)
        crc = zlib.crc32(np.ascontiguousarray(images[np.arange(min(8, len(labels)))]).tobytes(), crc)
    return crc
