import dataclasses
import json
import os
import re
import subprocess
import sys

import pytest

from kerastricks.commands import listing
from kerastricks.recipes import spoken

pytestmark = pytest.mark.any_backend


def test_needs_no_keras():
    code = (
        "import sys\nfrom kerastricks.commands import listing\n"
        "listing.tricks_text(), listing.models_text(), listing.runs_text(listing.runs('.'))\n"
        "assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_sources_say_what_the_classes_are():
    bag = listing.tricks()
    assert set(bag) == set(spoken.BAG)
    for name, (settings, words) in bag.items():
        fields = {field.name: field.default for field in dataclasses.fields(spoken.BAG[name])}
        assert list(settings) == list(fields)
        for setting, text in settings.items():
            default = dataclasses.MISSING if text is None else eval(text)
            assert default == fields[setting], (name, setting)
        assert words.partition("\n")[0] == spoken.BAG[name].__doc__.partition("\n")[0]


def test_a_line_for_each_trick_and_a_page_for_one():
    lines = listing.tricks_text().splitlines()
    assert len(lines) == len(spoken.BAG)
    (mixup,) = (line for line in lines if line.startswith("MixUp "))
    assert "Trains on blends of two images and of their targets" in mixup
    assert mixup.endswith("[alpha=0.2, off_epochs=0, per_sample=False, probability=1.0]")
    (gamma,) = (line for line in lines if line.startswith("ZeroGamma "))
    assert gamma.endswith("is set to zero.")
    page = listing.tricks_text("MixUp")
    assert page.startswith("MixUp(alpha=0.2, off_epochs=0, per_sample=False, probability=1.0)\n\nTrains on blends")
    assert "Beta(alpha, alpha)" in page
    with pytest.raises(ValueError, match="Unknown trick 'mixupp'. Did you mean MixUp?"):
        listing.tricks_text("mixupp")


def test_a_line_for_each_network():
    lines = listing.models_text().splitlines()
    assert lines[0].split() == ["name", "parameters", "input", "weights"]
    ends = {re.match(r"\S+ +[\d,]+ +\d+×\d+", line).end() for line in lines[1:]}
    assert len(ends) == 1  # one under the other
    assert next(line for line in lines if line.startswith("VGG16 ")).split()[1:4] == [
        "138,357,544",
        "224×224",
        "imagenet,",
    ]


SETTINGS = {"data": "digits", "model": "resnet20", "recipe": "tutorial", "without": [], "epochs": 30, "seed": 0}
RESULT = {"accuracy": 0.75, "seconds": 1234.5, "epochs": 30}


@pytest.fixture
def run(tmp_path):
    """Writes a run, each begun a minute after the one before; a text is written as it is."""
    number = iter(range(99))

    def write(name, settings, result=None):
        (tmp_path / name).mkdir(exist_ok=True)
        for file, held in (("run.json", settings), ("result.json", result)):
            if held is not None:
                text = held if isinstance(held, str) else json.dumps(held)
                (tmp_path / name / file).write_text(text, encoding="utf-8")
        time = 1_700_000_000 + 60 * next(number)
        os.utime(tmp_path / name / "run.json", (time, time))

    return write


def test_runs_side_by_side_the_oldest_first(run, tmp_path):
    run("b", SETTINGS, RESULT)
    changed = {"without": ["MixUp"], "with_tricks": ["EMA:momentum=0.9"], "seed": 7}
    run("a", {**SETTINGS, **changed}, {**RESULT, "epochs": 12, "averaged_accuracy": 0.5, "test_accuracy": 0.25})
    run("c", SETTINGS)
    (tmp_path / "ablate-digits").mkdir()
    found = listing.runs(str(tmp_path))
    assert [run["directory"] for run in found] == [str(tmp_path / name) for name in "bac"]
    assert [run["state"] for run in found] == ["finished", "finished", "unfinished"]
    assert (found[1]["accuracy"], found[1]["test_accuracy"], found[1]["seconds"]) == (0.75, 0.25, 1234.5)
    titles, first, second, third = listing.runs_text(found).splitlines()
    assert " ".join(titles.split()) == "run date data model recipe epochs seed accuracy averaged test seconds state"
    assert first.split()[3:] == ["digits", "resnet20", "tutorial", "30", "0", "0.7500", "1,234"]
    assert "  tutorial -MixUp +EMA:momentum=0.9  12 of 30     7    0.7500    0.5000  0.2500    1,234" in second
    assert third.split()[3:] == ["digits", "resnet20", "tutorial", "30", "0", "unfinished"]
    assert "optimizer" not in titles and "averaged" not in listing.runs_text(found[:1])
    assert "state" not in listing.runs_text(found[:1])


def test_settings_that_differ_are_shown(run, tmp_path):
    run("a", {**SETTINGS, "optimizer": "nesterov", "learning_rate": 0.1, "batch_size": 8, "efficient": False}, RESULT)
    run("b", {**SETTINGS, "optimizer": "AdamW", "learning_rate": 0.001, "batch_size": 8, "efficient": True}, RESULT)
    run("c", {**SETTINGS, "optimizer": "AdamW", "learning_rate": 0.001, "batch_size": 8})
    titles, *lines = listing.runs_text(listing.runs(str(tmp_path))).splitlines()
    assert " recipe    optimizer  learning_rate  efficient  epochs" in titles
    assert "  tutorial  nesterov             0.1                 30  " in lines[0]
    assert "  tutorial  AdamW              0.001  True           30  " in lines[1]


def test_what_cannot_be_read_is_listed_as_such(run, tmp_path):
    run("half", '{"data": "digi')
    run("list", "[1, 2]")
    run("other", SETTINGS, {"accuracy": 0.5})
    run("words", SETTINGS, {**RESULT, "accuracy": "high"})
    states = [run["state"] for run in listing.runs(str(tmp_path))]
    assert states[:2] == ["unreadable: run.json holds no JSON object"] * 2
    assert states[2] == "result.json lacks 'seconds'"
    assert states[3].startswith("unreadable: could not convert string to float")
    assert len(listing.runs_text(listing.runs(str(tmp_path))).splitlines()) == 5


def test_figures_that_are_null_are_left_out(run, tmp_path):
    """JSON has no NaN: `train` writes null."""
    run("lost", SETTINGS, {**RESULT, "accuracy": None})
    run("odd", SETTINGS, {**RESULT, "test_accuracy": None})
    lost, odd = listing.runs(str(tmp_path))
    assert lost["state"] == "diverged: its accuracy is no number" and "accuracy" not in lost
    assert odd["state"] == "finished" and "test_accuracy" not in odd
    assert "diverged: its accuracy is no number" in listing.runs_text([lost, odd])


def test_names_are_escaped(run, tmp_path):
    run("run", {**SETTINGS, "data": "caf\udce9"}, RESULT)
    (found,) = listing.runs(str(tmp_path))
    assert "caf\\udce9" in listing.runs_text([found])


def test_one_run_no_run_and_no_directory(run, tmp_path):
    assert listing.runs_text(listing.runs(str(tmp_path))) == "no runs"
    run("run", SETTINGS, RESULT)
    assert [found["directory"] for found in listing.runs(str(tmp_path / "run"))] == [str(tmp_path / "run")]
    with pytest.raises(ValueError, match="There is no directory .*none. `kerastricks train` makes one"):
        listing.runs(str(tmp_path / "none"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Training accuracy")
def test_reads_what_train_writes(tiny, digits, tmp_path):
    from kerastricks.commands.task import TrainTask
    from kerastricks.commands.train import train

    asked = {"model": tiny["digits"], "epochs": 2, "with_tricks": ["EMA:momentum=0.9"]}
    result = train(TrainTask(digits, out=str(tmp_path / "run"), **asked))
    (found,) = listing.runs(str(tmp_path))
    assert found["state"] == "finished"
    assert (found["accuracy"], found["averaged_accuracy"]) == (result["accuracy"], result["averaged_accuracy"])
    assert (found["epochs"], found["epochs_done"], found["with_tricks"]) == (2, 2, ["EMA:momentum=0.9"])
    assert "EMA(momentum=0.9)" in (tmp_path / "run" / "run.json").read_text()
