"""The command line: arguments in, words out. Keras is imported when a command runs, and not before."""

import contextlib
import importlib.metadata
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from kerastricks.commands import faults, quiet
from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.backend import choose_backend
from kerastricks.commands.bench.task import BenchTask
from kerastricks.commands.doctor_task import DoctorTask
from kerastricks.commands.lr_find_task import LearningRateTask
from kerastricks.commands.model_task import EvaluateTask, ExportTask, ModelTask, PredictTask
from kerastricks.commands.output import check_writable, flush_output, stream
from kerastricks.commands.resume import settled, with_value
from kerastricks.commands.task import Task, TrainTask
from kerastricks.training.signals import STATUS, end

app = cyclopts.App(
    name="kerastricks",
    help=(
        "Trains image classifiers with the bag of tricks. The backend is Keras' own choice: KERAS_BACKEND. "
        "With --debug, or KERASTRICKS_DEBUG=1, an error shows its whole traceback."
    ),
    help_format="plaintext",
    version=lambda: importlib.metadata.version("kerastricks"),
)
quiet.tensorflow()  # here, for the processes of an ablation too: they import this file and do not call `main`


@app.command(usage="Usage: kerastricks train [OPTIONS] DATA")
def train(task: Annotated[TrainTask | None, Parameter(name="*")] = None) -> None:
    """Train a classifier and leave a run directory with the model, its history and a report."""
    task = settled(task or TrainTask(), sys.argv[1:])
    _begin(task)
    from kerastricks.commands.train import summary
    from kerastricks.commands.train import train as command

    print(summary(command(task)))


@app.command
def evaluate(task: Annotated[EvaluateTask, Parameter(name="*")]) -> None:
    """Judge a finished model on images with known labels, and leave the figures and a page."""
    _begin(task)
    from kerastricks.commands.evaluate import evaluate as command
    from kerastricks.report.evaluation import table

    result = command(task)
    directory = result["directory"]
    print("\n".join([*result["notes"], table(result)]))
    print(f"{directory}/evaluation.html shows it, {directory}/evaluation.json holds all figures")


@app.command
def predict(task: Annotated[PredictTask, Parameter(name="*")]) -> None:
    """Name the classes of images, file by file, as CSV or JSON lines."""
    _begin(task)
    from kerastricks.commands.predict import counted
    from kerastricks.commands.predict import predict as command
    from kerastricks.report.rows import lines

    with counted(command(task)) as rows, stream(task.out) as file:
        for line in lines(rows, task.output_format, task.top):
            print(line, file=file, flush=True)


@app.command
def bench(
    task: Annotated[BenchTask | None, Parameter(name="*")] = None,
    *,
    json_file: Annotated[str | None, Parameter(name="--json")] = None,
) -> None:
    """Measure the speed of training, of its step and its input, beside plain Keras and native PyTorch.

    Args:
        json_file: File to write all figures to.
    """
    task = task or BenchTask()
    if json_file:
        check_writable(Path(json_file).parent, "--json")
    _begin(task)
    from rich.console import Console

    from kerastricks.commands.bench.bench import bench as command
    from kerastricks.report.speed import table

    with Console(stderr=True).status("starting") as status:
        result = command(task, status.update)
    print(table(result))
    if json_file:
        Path(json_file).write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@app.command
def ablate(task: Annotated[AblateTask | None, Parameter(name="*")] = None) -> None:
    """Measure which tricks of a recipe help on the data, over several seeds, and how sure that is.

    Finished runs are kept: the same command goes on where it was stopped, and more seeds add to it.
    """
    task = task or AblateTask()
    _begin(task)
    from kerastricks.commands.ablation.ablate import ablate as command

    print(command(**vars(task), say=lambda lines: print(lines, flush=True)).told)


@app.command
def lr_find(task: Annotated[LearningRateTask, Parameter(name="*")]) -> None:
    """Find a learning rate for a recipe: train for some batches at rates that grow, and watch the loss."""
    _begin(task)
    from kerastricks.commands.lr_find import find

    found, directory = find(task)
    print(f"{found}\n{directory}/lr_find.svg shows it, {directory}/lr_find.json holds the figures")


@app.command(usage="Usage: kerastricks doctor [OPTIONS] MODEL|RUN|DATA [DATA]")
def doctor(task: Annotated[DoctorTask, Parameter(name="*")]) -> None:
    """Look for faults that raise no error, in a model, its data or a run; ends with status 1 where there are any."""
    _begin(task)
    from kerastricks.commands.doctor import diagnose, told

    found, notes = diagnose(task)
    print(told(found, notes), flush=True)
    sys.exit(1 if found else 0)


@app.command
def export(task: Annotated[ExportTask, Parameter(name="*")]) -> None:
    """Write a finished model in the form of another runtime, run it there, and compare it with Keras."""
    _begin(task)
    from kerastricks.commands.export import formats

    formats.route(task.output_format)  # before Keras is imported, which takes seconds
    from rich.console import Console

    from kerastricks.commands.export.export import export as command
    from kerastricks.commands.export.export import words

    with Console(stderr=True).status("starting") as status:
        result = command(task, status.update)
    print(words(result))


@app.command
def recipes(name: str | None = None, /) -> None:
    """List the shipped recipes, or tell what one of them is.

    Args:
        name: Name of a recipe.
    """
    from kerastricks.commands.listing import recipes_text

    print(recipes_text(name))


@app.command
def tricks(name: str | None = None, /) -> None:
    """List the tricks of the bag, or tell what one of them does.

    Args:
        name: Name of a trick.
    """
    from kerastricks.commands.listing import tricks_text

    print(tricks_text(name))


@app.command
def runs(
    directory: str = "runs", /, *, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False
) -> None:
    """Lay the runs of a directory side by side, the oldest first.

    Args:
        directory: A directory that holds the directories of runs.
        as_json: Write all that is known of them as JSON.
    """
    from kerastricks.commands import listing

    found = listing.runs(directory)
    print(json.dumps(found, indent=2, ensure_ascii=False) if as_json else listing.runs_text(found))


def _list_models() -> None:
    """List the networks that `--model` knows: parameters, input and weights."""
    from kerastricks.commands.listing import models_text

    print(models_text())


app["train"].command(_list_models, name="--list-models", group="Parameters")


def _begin(task: Task | ModelTask) -> None:
    """Checks what can be checked without Keras, and chooses the backend."""
    if isinstance(task, ModelTask):
        task.check_files()
    else:
        task.check_data()
    choose_backend(task.backend)


def main() -> None:
    """Runs the command line; an error is one line and an exit status, see `kerastricks.commands.faults`."""
    words = [word for word in sys.argv[1:] if word != "--debug"]
    if len(words) < len(sys.argv) - 1:
        os.environ["KERASTRICKS_DEBUG"] = "1"
    debug = bool(os.environ.get("KERASTRICKS_DEBUG"))
    quiet.plain_warnings()
    task = None
    try:
        for number in STATUS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, end)
        command, bound, _ = app.parse_args(with_value(words), exit_on_error=False, print_error=False)
        task = next((value for value in bound.arguments.values() if isinstance(value, Task | ModelTask)), None)
        command(*bound.args, **bound.kwargs)
        flush_output()
        return
    except cyclopts.CycloptsError as error:
        said, status = f"{error}", 2
    except BaseException as error:
        if debug:
            traceback.print_exception(error)
        said, status = faults.ended(error, task, __file__)
    if said:
        from kerastricks.data.names import shown  # names in an error may hold commands for the terminal

        with contextlib.suppress(OSError, AttributeError):  # standard error is closed or full
            print("\n".join(map(shown, f"kerastricks: {said}".splitlines())), file=sys.stderr, flush=True)
    if hosts := sys.modules.get("kerastricks.training.devices.hosts"):
        hosts.end(status)
    sys.exit(status)


if __name__ == "__main__":
    main()
