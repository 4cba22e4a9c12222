import csv
import json
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.commands.ablation import budget, jobs
from kerastricks.commands.ablation.ablate import ablate

RECIPE = kt.Recipe((kt.Warmup(1), kt.MixUp()), epochs=3, batch_size=8)
DATA = kt.data.Data(
    "squares",
    ("dark", "light"),
    *[(np.arange(n * 192, dtype="uint8").reshape(n, 8, 8, 3), (np.arange(n) % 2).astype("int32")) for n in (16, 8)],
)


@pytest.fixture
def trained(monkeypatch):
    """Runs that cost nothing: MixUp adds a tenth to the accuracy, warmup nothing, and the seed varies both a little."""
    made = []

    def run(job):
        made.append(job)
        accuracy = 0.5 + 0.1 * ("MixUp" in job.recipe.names) + 0.001 * (job.seed % 3) * len(job.recipe.names)
        history = {name: [0.5] * job.epochs for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        figures = {"accuracy": accuracy, "loss": 1 - accuracy, "ms_per_step": 1.0, "peak_memory": 10**9}
        return {"seed": job.seed, **figures, "seconds": 1.0, "history": history}

    monkeypatch.setattr(jobs, "run", run)
    return made


def start(tmp_path, **settings):
    return ablate(DATA, **{"recipe": RECIPE, "seeds": 4, "out": str(tmp_path / "out"), **settings})


def test_says_what_each_trick_does(tmp_path, trained):
    lines = []
    found = start(tmp_path, say=lines.append)
    effects = {effect["trick"]: effect for effect in found.result["effects"]}
    assert effects["MixUp"]["accuracy"]["mean"] == pytest.approx(0.1, abs=2e-3)
    assert effects["MixUp"]["verdict"] == "helps"
    assert abs(effects["Warmup"]["accuracy"]["mean"]) < 0.002
    assert [arm["name"] for arm in found.result["arms"]] == ["full", "without Warmup", "without MixUp"]
    assert lines[0].startswith("run 1/12  full, seed 0: accuracy 0.6000 in 1 s")
    assert "MixUp" in lines[-1]
    with (tmp_path / "out" / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == found.result
    assert "MixUp" in (tmp_path / "out" / "report.html").read_text()


def test_all_arms_of_a_seed_have_equal_budgets(tmp_path, trained):
    start(tmp_path)
    assert {(job.epochs, job.batch_size) for job in trained} == {(3, 8)}
    assert [job.seed for job in trained] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert [job.recipe.names for job in trained[:4]] == [["Warmup", "MixUp"], ["MixUp"], ["Warmup"], ["MixUp"]]


def test_goes_on_where_it_was_stopped(tmp_path, trained, monkeypatch):
    whole = start(tmp_path, out=str(tmp_path / "whole"))
    trained.clear()
    count = []

    def stop(line):
        count.append(line)
        if len(count) == 10:  # two lines a run
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, say=stop)
    assert len(trained) == 5
    again = start(tmp_path)
    assert len(trained) == 12
    assert again.result == whole.result
    start(tmp_path)
    assert len(trained) == 12


def test_more_seeds_add_to_it(tmp_path, trained):
    start(tmp_path, seeds=2)
    found = start(tmp_path, seeds=4)
    assert len(trained) == 12
    assert found.result["seeds"] == [0, 1, 2, 3]


def test_one_seed_gives_no_interval(tmp_path, trained):
    found = start(tmp_path, seeds=1)
    assert "no interval can be given" in str(found)


def test_an_arm_that_fails_is_a_result_and_the_others_go_on(tmp_path, trained, monkeypatch):
    run = jobs.run

    def failing(job):
        if job.recipe.names == ["Warmup"]:
            raise ArithmeticError("diverged: the loss was nan in epoch 2 of 3")
        return run(job)

    monkeypatch.setattr(jobs, "run", failing)
    found = start(tmp_path)
    effects = {effect["trick"]: effect for effect in found.result["effects"]}
    assert effects["MixUp"]["accuracy"] is None
    assert effects["MixUp"]["verdict"] == "failed: without MixUp, seed 0: diverged: the loss was nan in epoch 2 of 3"
    assert effects["Warmup"]["accuracy"]["seeds"] == 4
    trained.clear()
    start(tmp_path)
    assert trained == []


def test_a_seed_that_fails_leaves_the_verdict_of_the_others(tmp_path, trained, monkeypatch):
    run = jobs.run

    def failing(job):
        if job.recipe.names == ["Warmup"] and job.seed == 3:
            raise ArithmeticError("diverged")
        return run(job)

    monkeypatch.setattr(jobs, "run", failing)
    found = start(tmp_path)
    effects = {effect["trick"]: effect for effect in found.result["effects"]}
    assert effects["MixUp"]["accuracy"]["seeds"] == 3
    assert effects["MixUp"]["verdict"] == "helps"
    assert "helps (1 run failed)" in str(found)


def test_a_real_arm_that_diverges_says_so():
    job = jobs.Job(DATA, kt.Recipe(learning_rate=1e9), "resnet20", 2, 8, 0)
    outcome = jobs.attempt(job)
    assert outcome["seed"] == 0
    assert outcome["error"].startswith("diverged: the loss was")


def test_a_real_arm_that_raises_says_so():
    job = jobs.Job(DATA, kt.Recipe((kt.Warmup(99),)), "resnet20", 2, 8, 0)
    assert jobs.attempt(job)["error"].startswith("ValueError: Warmup is longer than the run")


def test_a_run_is_repeatable_and_its_figures_are_those_of_the_validation_images():
    job = jobs.Job(DATA, RECIPE, "resnet20", 2, 8, 1)
    first, second = jobs.run(job), jobs.run(job)
    assert first["accuracy"] == second["accuracy"] == first["history"]["val_accuracy"][-1]
    assert first["loss"] == second["loss"]
    assert first["ms_per_step"] > 0
    assert first["peak_memory"] > 0


def test_averaged_weights_are_what_counts():
    job = jobs.Job(DATA, kt.Recipe((kt.EMA(0.9),)), "resnet20", 2, 8, 1)
    assert jobs.run(job)["loss"] != jobs.run(jobs.dataclasses.replace(job, recipe=kt.Recipe()))["loss"]


def test_the_seed_chooses_the_split_where_the_data_has_none():
    both = [jobs.Job("digits", RECIPE, "resnet20", 1, 8, seed) for seed in (0, 1)]
    first, second = (jobs.load(job).validation[1] for job in both)
    assert not np.array_equal(first, second)
    assert jobs.load(jobs.Job(DATA, RECIPE, "resnet20", 1, 8, 1)) is DATA


def test_minutes_become_epochs(tmp_path, trained, monkeypatch):
    """A run takes a second and a second an epoch: 12 runs in 2 minutes are 10 s each, so 9 epochs."""
    timed = []
    monkeypatch.setattr(budget, "trial", lambda job: timed.append(job.recipe.names) or (1.0, 1.0))
    assert start(tmp_path, minutes=2, design="ladder").result["epochs"] == 9
    assert timed == [["Warmup", "MixUp"]]
    with pytest.raises(ValueError, match="0.1 minutes are too few: 12 runs of one epoch take about 1"):
        start(tmp_path, minutes=0.1, out=str(tmp_path / "other"))


@pytest.mark.slow
def test_a_trial_times_the_first_epochs_of_a_long_run(monkeypatch):
    """The warmup of 5 epochs fits the run of 30, not the trial of 3."""
    made = []
    monkeypatch.setattr(budget, "run", lambda job, ends: made.append(ends) or jobs.run(job, ends))
    job = jobs.Job(DATA, ("tutorial", ("LinearScaling",), False), "resnet20", 30, 8, 0)
    _, epoch = budget.trial(job)
    times = made[0].times
    assert len(times) == 3
    assert min(np.diff(times)) <= epoch <= max(np.diff(times))


def test_a_restored_weight_is_what_counts(monkeypatch):
    """EarlyStopping puts the weights of its best epoch back at the end: the figures are theirs."""
    job = jobs.Job(DATA, kt.Recipe((kt.EarlyStopping(1),), learning_rate=0.5), "resnet20", 4, 8, 0)
    found = jobs.run(job)
    assert found["loss"] == pytest.approx(min(found["history"]["val_loss"]), rel=1e-4)


def test_a_validation_loss_that_is_not_finite_is_a_divergence(monkeypatch):
    evaluate = kt.training.engine.Engine.evaluate

    def broken(self, *data, **settings):
        return {**evaluate(self, *data, **settings), "loss": float("nan")}

    monkeypatch.setattr(kt.training.engine.Engine, "evaluate", broken)
    assert jobs.attempt(jobs.Job(DATA, kt.Recipe(learning_rate=1e-3), "resnet20", 1, 8, 0))["error"].startswith(
        "diverged: the validation loss was nan"
    )


def test_a_machine_that_fails_is_no_result(monkeypatch):
    monkeypatch.setattr(jobs, "run", lambda job: (_ for _ in ()).throw(OSError("No space left on device")))
    with pytest.raises(ValueError, match="The machine failed in a run with seed 0: OSError: No space left"):
        jobs.attempt(jobs.Job(DATA, RECIPE, "resnet20", 1, 8, 0))


def out_of_memory():
    raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes.")


def unreadable():
    try:
        raise OSError("Input/output error")
    except OSError as error:
        raise ValueError(f"Cannot read 7.jpg: {error}") from None


@pytest.mark.parametrize("failure", [out_of_memory, unreadable])
def test_memory_and_files_are_the_machines(monkeypatch, failure):
    monkeypatch.setattr(jobs, "run", lambda job: failure())
    with pytest.raises(ValueError, match="The machine failed in a run with seed 0: .* Finished runs are kept"):
        jobs.attempt(jobs.Job(DATA, RECIPE, "resnet20", 1, 8, 0))


def test_data_that_is_gone_is_no_result(trained):
    with pytest.raises(ValueError, match="The machine failed in a run with seed 3: ValueError: nowhere does not exist"):
        jobs.attempt(jobs.Job("nowhere", RECIPE, "resnet20", 1, 8, 3))


def test_a_recipe_file_that_changes_is_noticed(tmp_path, trained):
    path = tmp_path / "mine.py"
    path.write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.Warmup(1), kt.MixUp(0.2)), epochs=3)\n")

    def change(line):
        path.write_text(path.read_text().replace("0.2", "0.4"))

    with pytest.raises(ValueError, match="mine.py has changed since the ablation began"):
        start(tmp_path, recipe=str(path), say=change)
    assert len(trained) == 1
    with pytest.raises(ValueError, match="holds another ablation. It differs in .*recipe_text"):
        start(tmp_path, recipe=str(path))


def test_what_is_efficient_can_be_judged_too(tmp_path, trained, monkeypatch):
    seen = []
    monkeypatch.setattr(jobs, "run", lambda job: seen.append(jobs.chosen(job).names) or {"seed": 0, "error": "none"})
    start(tmp_path, recipe="cifar", efficient=True, tricks=["Efficient"], seeds=1)
    cifar = kt.recipes.choose.find("cifar").names
    assert seen == [["Efficient", *cifar], cifar]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"recipe": "baseline", "efficient": True}, "one arm and nothing to compare"),
        ({"ray": "auto", "workers": 2}, "`ray` or `workers`, not both"),
        ({"tricks": ["CutMix"]}, "The recipe has no trick 'CutMix'"),
        ({"recipe": kt.Recipe()}, "one arm and nothing to compare"),
        ({"epochs": 2, "minutes": 3.0}, "not both"),
        ({"seeds": 0}, "must be at least 1. Received: seeds=0"),
        ({"epochs": 0}, "must be at least 1. Received: epochs=0"),
        ({"batch_size": 0}, "must be at least 1. Received: batch_size=0"),
        ({"minutes": -1.0}, "Received: minutes=-1"),
        ({"ray": "127.0.0.1:1"}, "Ray is not installed|No Ray cluster answers"),
        ({"model": "resnet20x"}, "Did you mean resnet20"),
        ({"design": "some"}, "Unknown design"),
    ],
)
def test_refuses_what_does_not_fit(tmp_path, trained, settings, message):
    with pytest.raises(ValueError, match=message):
        start(tmp_path, **settings)
    assert not (tmp_path / "out").exists()


def test_refuses_one_split_for_all_seeds(tmp_path, trained):
    with pytest.raises(ValueError, match="digits was split when it was loaded, and seeds are to vary the split"):
        ablate(kt.data.load("digits"), recipe=RECIPE, out=str(tmp_path / "out"))


def test_the_command_repeats_it(tmp_path, trained):
    found = start(tmp_path, recipe="cifar", seeds=1)
    assert found.result["command"] == "kerastricks.ablate(...), with a recipe or data of the caller's"
    out = str(tmp_path / "digits")
    found = ablate("digits", recipe="cifar", tricks=["EMA"], seeds=1, cache_size=2.5, out=out)
    words = (
        "ablate digits --recipe cifar --model resnet20 --design leave-one-out --seeds 1 --tricks EMA --cache-size 2.5"
    )
    assert found.result["command"] == f"KERAS_BACKEND={keras.backend.backend()} kerastricks {words} --out {out}"


def test_another_machine_is_named(tmp_path, trained, monkeypatch):
    from kerastricks.commands.ablation import ablate as module

    start(tmp_path, seeds=1)
    monkeypatch.setattr(module, "environment", lambda: {"hardware": "another"})
    assert start(tmp_path, seeds=2).result["hardware"].endswith("; continued on another")
    assert start(tmp_path, seeds=2).result["hardware"].count("another") == 1


def test_never_mixes_two_ablations(tmp_path, trained):
    start(tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="holds another ablation. It differs in epochs_asked: 3 there, 5 here"):
        start(tmp_path, epochs=5)
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="is not empty and holds no ablation"):
        start(tmp_path, out=str(tmp_path / "full"))


def test_a_frame_where_pandas_is(tmp_path, trained):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = start(tmp_path).frame()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == 12


def command(folder, *words):
    return [sys.executable, "-m", "kerastricks.cli", "ablate", "digits", "--recipe", str(folder / "mine.py"), *words]


def figures(folder, out, *words):
    """Runs the command to its end, and returns the figures of every run."""
    done = subprocess.run(command(folder, *words, "--out", str(folder / out)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    arms = json.loads((folder / out / "results.json").read_text())["arms"]
    return [(run["seed"], run["accuracy"], run["loss"]) for arm in arms for run in arm["runs"]]


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import kerastricks as kt\nrecipe = kt.Recipe((kt.Warmup(1), kt.CosineDecay()), learning_rate=0.002)\n"
    )
    return tmp_path


SHORT = ("--tricks", "CosineDecay", *["--seeds", "2", "--epochs", "2", "--images", "64", "--batch-size", "16"])


@pytest.mark.slow
def test_survives_a_kill(mine):
    """Killed after its first run: the same command ends with the figures of an uninterrupted one."""
    killed = ("killed", *SHORT)
    with subprocess.Popen(command(mine, *SHORT, "--out", str(mine / "killed")), stdout=subprocess.DEVNULL) as process:
        while not list((mine / "killed").glob("runs/*.json")):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    assert len(list((mine / "killed").glob("runs/*.json"))) < 4
    assert figures(mine, *killed) == figures(mine, "whole", *SHORT)


@pytest.mark.slow
def test_workers_train_the_same_runs(mine):
    alone, side_by_side = figures(mine, "one", *SHORT), figures(mine, "two", *SHORT, "--workers", "2")
    for (seed, _, loss), (other, _, loss_of_other) in zip(alone, side_by_side, strict=True):
        assert (seed, loss) == (other, pytest.approx(loss_of_other, rel=1e-2))


@pytest.mark.slow
def test_a_cluster_trains_the_same_runs_though_a_node_is_lost(mine):
    pytest.importorskip("ray", reason="Ray is not installed")
    alone = figures(mine, "one", *SHORT)
    recipe = mine / "mine.py"
    recipe.write_text(
        "import os, pathlib, sys\n"
        f"lost = pathlib.Path({str(mine / 'lost')!r})\n"
        "if 'default_worker.py' in sys.argv[0] and not lost.exists():\n"
        "    lost.touch()\n"
        "    os._exit(1)\n" + recipe.read_text()
    )
    on_cluster = figures(mine, "ray", *SHORT, "--ray", "local")
    assert (mine / "lost").exists()
    for (seed, _, loss), (other, _, loss_of_other) in zip(alone, on_cluster, strict=True):
        assert (seed, loss) == (other, pytest.approx(loss_of_other, rel=1e-2))


@pytest.mark.slow
def test_a_dead_cluster_is_one_line(mine):
    words = (*SHORT, "--ray", "127.0.0.1:1", "--out", str(mine / "out"))
    done = subprocess.run(command(mine, *words), capture_output=True, text=True)
    assert done.returncode == 2
    message = done.stderr.splitlines()[-1]
    assert message.startswith("kerastricks: Ray is not installed") or "No Ray cluster answers at" in message


def test_a_run_is_written_whole_or_not_at_all(tmp_path, trained, monkeypatch):
    from kerastricks.commands.ablation import store

    monkeypatch.setattr(store.json, "dump", lambda *_, **__: (_ for _ in ()).throw(OSError("No space left")))
    with pytest.raises(OSError, match="No space left"):
        store.write(tmp_path / "run.json", {})
    assert not (tmp_path / "run.json").exists()
