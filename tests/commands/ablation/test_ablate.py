import csv
import json
import shutil

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.commands import defaults, memory, prepare
from kerastricks.commands.ablation import budget, jobs
from kerastricks.commands.ablation.ablate import ablate
from kerastricks.commands.run_lock import held
from kerastricks.recipes.choose import find
from kerastricks.training.signals import Terminated

RECIPE = kt.Recipe((kt.Warmup(1), kt.MixUp()), epochs=3, batch_size=8)
DATA = kt.data.Data(
    "squares",
    ("dark", "light"),
    *[(np.arange(n * 192, dtype="uint8").reshape(n, 8, 8, 3), (np.arange(n) % 2).astype("int32")) for n in (16, 8)],
)


pytestmark = pytest.mark.any_backend


def trains(job):
    """The names of the tricks of a run."""
    return prepare.recipe(job.task).names


@pytest.fixture
def trained(monkeypatch):
    """Runs that cost nothing: MixUp adds a tenth to the accuracy, warmup nothing, and the seed varies both a little."""
    made = []

    def run(job):
        made.append(job)
        names, seed = trains(job), job.task.seed
        accuracy = 0.5 + 0.1 * ("MixUp" in names) + 0.001 * (seed % 3) * len(names)
        history = {name: [0.5] * job.task.epochs for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        figures = {"accuracy": accuracy, "loss": 1 - accuracy, "ms_per_step": 1.0, "peak_memory": 10**9}
        return {"seed": seed, **figures, "seconds": 1.0, "history": history}

    monkeypatch.setattr(jobs, "run", run)
    return made


def start(tmp_path, **settings):
    return ablate(DATA, **{"recipe": RECIPE, "model": "resnet20", "seeds": 4, "out": str(tmp_path / "out"), **settings})


def test_says_what_each_trick_does(tmp_path, trained):
    lines = []
    found = start(tmp_path, say=lines.append)
    effects = {effect["trick"]: effect for effect in found.result["effects"]}
    assert effects["MixUp"]["accuracy"]["mean"] == pytest.approx(0.1, abs=2e-3)
    assert effects["MixUp"]["verdict"] == "helps"
    assert abs(effects["Warmup"]["accuracy"]["mean"]) < 0.002
    assert [arm["name"] for arm in found.result["arms"]] == ["full", "without Warmup", "without MixUp"]
    assert lines[0].startswith("run 1/12  full, seed 0: accuracy 0.6000 in 1 s")
    assert "MixUp" in str(found)
    assert lines[-1].startswith("run 12/12")  # the caller has the last table
    with (tmp_path / "out" / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == found.result
    assert "MixUp" in (tmp_path / "out" / "report.html").read_text()


def test_the_table_is_told_when_it_has_changed(tmp_path, trained, monkeypatch):
    """The arms full, without Warmup, without MixUp: the second and the third of seed 0 each bring a comparison. Seed 1
    begins with the second and ends with full, which the caller's own table shows. Times of steps tell nothing."""
    run, lines = jobs.run, []
    monkeypatch.setattr(jobs, "run", lambda job: {**run(job), "ms_per_step": float(len(trained))})
    start(tmp_path, seeds=2, say=lines.append)
    kinds = ["run" if line.startswith("run") else "table" for line in lines]
    assert kinds == ["run", "run", "table", "run", "table", "run", "run", "run"]


def test_a_model_file_that_cannot_be_opened_is_no_result(tmp_path, trained):
    path = tmp_path / "broken.keras"
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="keras"):
        start(tmp_path, model=str(path))
    assert trained == [] and not (tmp_path / "out").exists()


def test_all_arms_of_a_seed_have_equal_budgets(tmp_path, trained):
    start(tmp_path)
    assert {(recipe.epochs, recipe.batch_size) for recipe in map(prepare.recipe, (job.task for job in trained))} == {
        (3, 8)
    }
    assert [job.task.seed for job in trained] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert [trains(job) for job in trained[:4]] == [["Warmup", "MixUp"], ["MixUp"], ["Warmup"], ["MixUp"]]


def test_goes_on_where_it_was_stopped(tmp_path, trained, monkeypatch):
    whole = start(tmp_path, out=str(tmp_path / "whole"))
    trained.clear()
    count = []

    def stop(line):
        count.append(line)
        if line.startswith("run 5/12"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"5 of 12 runs are kept in .*out; the same command goes on"):
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


def test_a_plan_trains_nothing(tmp_path, trained):
    with pytest.raises(
        ValueError,
        match="out holds no seed of which all runs are there, so there is nothing to plan from. Make the first three",
    ):
        start(tmp_path, plan=True)
    assert trained == [] and not (tmp_path / "out").exists()
    start(tmp_path)
    trained.clear()
    before = sorted((tmp_path / "out").rglob("*"))
    found = start(tmp_path, seeds=1, plan=True)
    assert (found.seeds, found.arms, found.seconds) == (4, 3, 3.0)
    rows = {row["trick"]: row for row in found.rows}
    assert rows["MixUp"]["settled"] and not rows["Warmup"]["settled"]
    assert rows["MixUp"]["mean"] == pytest.approx(10, abs=0.2)
    assert "4 seeds so far; one more is 3 runs" in found.told
    assert trained == [] and sorted((tmp_path / "out").rglob("*")) == before
    with pytest.raises(ValueError, match="holds another ablation. It differs in design"):
        start(tmp_path, design="ladder", plan=True)


def test_a_plan_knows_the_directory_without_its_name(tmp_path, trained, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ablate("digits", recipe="cifar", tricks=["EMA"], seeds=2)
    assert (tmp_path / "runs" / "ablate-digits-cifar-leave-one-out" / "results.json").exists()
    assert ablate("digits", recipe="cifar", tricks=["EMA"], plan=True).seeds == 2
    words = r"`kerastricks ablate digits --recipe cifar --model resnet20 --backend \w+ --out none`, and ask again"
    with pytest.raises(ValueError, match=words):
        ablate("digits", recipe="cifar", out="none", plan=True)


def test_one_seed_gives_no_interval(tmp_path, trained):
    found = start(tmp_path, seeds=1)
    assert "no interval can be given" in str(found)


def test_an_arm_that_fails_is_a_result_and_the_others_go_on(tmp_path, trained, monkeypatch):
    run = jobs.run

    def failing(job):
        if trains(job) == ["Warmup"]:
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
        if trains(job) == ["Warmup"] and job.task.seed == 3:
            raise ArithmeticError("diverged")
        return run(job)

    monkeypatch.setattr(jobs, "run", failing)
    found = start(tmp_path)
    effects = {effect["trick"]: effect for effect in found.result["effects"]}
    assert effects["MixUp"]["accuracy"]["seeds"] == 3
    assert effects["MixUp"]["verdict"] == "helps"
    assert "helps (1 run failed)" in str(found)


def test_minutes_become_epochs(tmp_path, trained, monkeypatch):
    """A run takes a second and a second an epoch: 12 runs in 2 minutes are 10 s each, so 9 epochs."""
    timed = []
    monkeypatch.setattr(budget, "trial", lambda job: timed.append(trains(job)) or (1.0, 1.0))
    assert start(tmp_path, minutes=2, design="ladder").result["epochs"] == 9
    assert timed == [["Warmup", "MixUp"]]
    with pytest.raises(ValueError, match="0.1 minutes are too few: 12 runs of one epoch take about 1"):
        start(tmp_path, minutes=0.1, out=str(tmp_path / "other"))


def test_a_recipe_file_that_changes_is_noticed(tmp_path, trained):
    path = tmp_path / "mine.py"
    path.write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.Warmup(1), kt.MixUp(0.2)), epochs=3)\n")

    def change(line):
        path.write_text(path.read_text().replace("0.2", "0.4"))

    with pytest.raises(ValueError, match="mine.py has changed since the ablation began"):
        start(tmp_path, recipe=str(path), say=change)
    assert len(trained) == 1
    with pytest.raises(ValueError, match="holds another ablation. It differs in .*recipe_checksum"):
        start(tmp_path, recipe=str(path))


def test_what_is_efficient_can_be_judged_too(tmp_path, trained, monkeypatch):
    seen = []
    monkeypatch.setattr(jobs, "run", lambda job: seen.append(trains(job)) or {"seed": 0, "error": "none"})
    with pytest.raises(ValueError, match="No run succeeded: none"):
        start(tmp_path, recipe="cifar", efficient=True, tricks=["Efficient"], seeds=1)
    cifar = find("cifar").names
    assert seen == [["Efficient", *cifar], cifar]


def test_tricks_that_are_added_are_judged_too(tmp_path, trained):
    """The recipe of Warmup and MixUp: another MixUp in its place, EMA and early stopping behind it."""
    settings = {"with_tricks": ["MixUp:alpha=0.4", "EMA"], "early_stopping": 1, "optimizer": "Lion"}
    lines = []
    found = start(tmp_path, seeds=1, say=lines.append, **settings)
    whole = ["Warmup", "MixUp", "EMA", "EarlyStopping"]
    expected = {"full": whole} | {f"without {name}": [other for other in whole if other != name] for name in whole}
    assert [trains(job) for job in trained] == list(expected.values())
    assert [arm["name"] for arm in found.result["arms"]] == list(expected)
    recipes = [prepare.recipe(job.task) for job in trained]
    assert {trick.alpha for recipe in recipes for trick in recipe.tricks if trick.name == "MixUp"} == {0.4}
    assert {recipe.optimizer for recipe in recipes} == {keras.optimizers.Lion}
    assert lines[0].startswith("Lion takes the recipe's learning rate, 0.1, and weight decay")


def test_the_command_repeats_tricks_that_are_added(tmp_path, trained):
    settings = {
        "recipe": "cifar",
        "tricks": ["MixUp"],
        "seeds": 1,
        "with_tricks": ["MixUp:alpha=0.4"],
        "optimizer": "AdamW",
    }
    found = ablate("digits", out=str(tmp_path / "out"), **settings)
    assert " --with MixUp:alpha=0.4 --backend " in found.result["command"]
    assert " --optimizer AdamW " in found.result["command"]
    assert [("MixUp" in trains(job)) for job in trained] == [True, False]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"with_tricks": ["EMA"], "without": ["EMA"]}, "EMA is added twice, or added and left out"),
        ({"with_tricks": ["MixUpp"]}, "Unknown trick 'MixUpp'. Did you mean MixUp"),
        ({"optimizer": "sdg"}, "Unknown optimizer 'sdg'. Did you mean SGD"),
        ({"recipe": "baseline", "efficient": True}, "one arm and nothing to compare"),
        ({"ray": "auto", "workers": 2}, "`ray` or `workers`, not both"),
        ({"tricks": ["CutMix"]}, "The recipe has no trick 'CutMix'"),
        ({"recipe": kt.Recipe()}, "one arm and nothing to compare"),
        ({"epochs": 2, "minutes": 3.0}, "not both"),
        ({"seeds": 0}, "must be at least 1. Received: seeds=0"),
        ({"epochs": 0}, "must be at least 1. Received: epochs=0"),
        ({"batch_size": 0}, "must be at least 1. Received: batch_size=0"),
        ({"minutes": -1.0}, "Received: minutes=-1"),
        ({"coordinator": "auto"}, "`coordinator` is for `train`. Pass `workers` or `ray`"),
        ({"process": 0}, "`process` is for `train`"),
        ({"image_size": 64}, "`image_size` is for folders; the data is loaded already. Received: image_size=64"),
        ({"cache_size": 1.0}, "`cache_size` is for folders"),
        ({"ray": "127.0.0.1:1"}, "Ray is not installed|No Ray cluster answers"),
        ({"model": "resnet20x"}, "Did you mean resnet20"),
        ({"design": "some"}, "Unknown design"),
        ({"minutes": float("inf")}, "`minutes` must be finite. Received: minutes=inf"),
        ({"seeds": 10**9}, "are 3,000,000,000 runs, more than 10,000, which take a week at a minute each"),
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
    found = ablate("digits", recipe="cifar", tricks=["EMA"], seeds=1, seed=7, out=out)
    words = f"--seed 7 --backend {keras.backend.backend()} --out {out} --seeds 1 --tricks EMA"
    assert found.result["command"] == f"kerastricks ablate digits --recipe cifar --model resnet20 {words}"
    assert found.result["seeds"] == [7]


def test_another_machine_is_named(tmp_path, trained, monkeypatch):
    from kerastricks.commands.ablation import ablate as module

    here = start(tmp_path, seeds=1).result["versions"]
    there = {"hardware": "another", "versions": {**here, "keras": "9.0"}}
    monkeypatch.setattr(module, "environment", lambda: there)
    for seeds in (2, 3):
        found = start(tmp_path, seeds=seeds).result
        assert found["hardware"].endswith("; continued on another")
        assert found["hardware"].count("another") == 1
        assert found["versions"] == {**here, "keras": f"{here['keras']}, then 9.0"}


def test_another_network_file_is_another_ablation(tmp_path, trained, tiny):
    file = shutil.copy(tiny["colour"], tmp_path / "mine.keras")
    start(tmp_path, seeds=1, model=str(file))
    start(tmp_path, seeds=2, model=str(file))
    network = keras.saving.load_model(file, compile=False)
    network.set_weights([2 * values for values in network.get_weights()])
    network.save(file)
    with pytest.raises(ValueError, match="It differs in the file of its model or weights. Go on"):
        start(tmp_path, seeds=3, model=str(file))


def test_a_batch_that_does_not_fit_is_refused_before_anything_is_written(tmp_path, trained, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    monkeypatch.setattr(defaults, "has_accelerator", lambda: False)
    with pytest.raises(ValueError, match="does not fit into memory"):
        start(tmp_path)
    assert trained == []
    assert not (tmp_path / "out" / "ablation.json").exists()


@pytest.mark.parametrize(("sent", "raised"), [(KeyboardInterrupt, KeyboardInterrupt), (Terminated, Terminated)])
def test_the_end_tells_what_is_kept(tmp_path, trained, monkeypatch, sent, raised):
    run = jobs.run

    def ended(job):
        if len(trained) == 2:
            raise sent
        return run(job)

    monkeypatch.setattr(jobs, "run", ended)
    with pytest.raises(raised, match="^2 of 12 runs are kept in .*; the same command goes on with the others$"):
        start(tmp_path)


def test_never_mixes_two_ablations(tmp_path, trained):
    start(tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="holds another ablation. It differs in epochs: 3 there, 5 here"):
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


def test_a_directory_in_use_is_refused_and_untouched(tmp_path, trained):
    (tmp_path / "out").mkdir()
    with held(tmp_path / "out"):
        before = sorted((tmp_path / "out").iterdir())
        with pytest.raises(ValueError, match="out is in use by process"):
            start(tmp_path, out=str(tmp_path / "out"))
        assert sorted((tmp_path / "out").iterdir()) == before


def test_a_run_that_is_damaged_is_named(tmp_path, trained):
    found = start(tmp_path)
    run = next((found.directory / "runs").iterdir())
    run.write_text(run.read_text()[:20])
    with pytest.raises(ValueError, match=f"{run.name} is damaged: it holds no JSON object. Remove it, and its run is"):
        start(tmp_path)


def test_recipes_against_each_other(tmp_path, trained):
    """Each arm trains a recipe of its own; the first is held against each of the others, over the same seeds."""
    plain, steps = tmp_path / "plain.py", tmp_path / "steps.py"
    plain.write_text("import kerastricks as kt\nrecipe = kt.Recipe(batch_size=4)\n")
    steps.write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.StepDecay((2,)), kt.MixUp()), epochs=3)\n")
    found = start(tmp_path, against=(str(plain), str(steps)), seeds=2, learning_rate=0.2)
    assert [(arm["name"], arm["tricks"]) for arm in found.result["arms"]] == [
        ("recipe", ["Warmup", "MixUp"]),
        ("plain", []),
        ("steps", ["StepDecay", "MixUp"]),
    ]
    effects = {effect["trick"]: effect for effect in found.result["effects"]}
    assert list(effects) == ["recipe over plain", "recipe over steps"]
    assert effects["recipe over plain"]["accuracy"]["mean"] == pytest.approx(0.101)  # 0.1, and 0.002 in seed 1
    assert effects["recipe over steps"]["accuracy"]["mean"] == 0
    asked = {tuple(trains(job)): prepare.recipe(job.task) for job in trained}
    assert {names: (recipe.batch_size, recipe.epochs, recipe.learning_rate) for names, recipe in asked.items()} == {
        ("Warmup", "MixUp"): (8, 3, 0.2),
        (): (4, 3, 0.2),
        ("StepDecay", "MixUp"): (128, 3, 0.2),
    }
    assert found.result["design"] == "against"
    plain.write_text(plain.read_text() + "# edited\n")
    with pytest.raises(ValueError, match="holds another ablation. It differs in recipe_checksum"):
        start(tmp_path, against=(str(plain), str(steps)), seeds=3, learning_rate=0.2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"against": ("baseline", "baseline")},
            "`against` must name other recipes, each once. Received twice: baseline",
        ),
        ({"against": ("baseline",), "design": "ladder"}, "`against` compares whole recipes: pass it, or `design`"),
        ({"against": ("baseline",), "tricks": ("MixUp",)}, "`against` compares whole recipes: pass it, or `design`"),
        ({"against": ("basline",)}, "Unknown recipe 'basline'. Did you mean baseline?"),
        ({"against": "baseline"}, "`against` must be a sequence of names"),
        ({"against": (RECIPE,)}, "`against` takes names of shipped recipes and Python files .* Received: Recipe"),
        ({"against": ("baseline",), "without": ("Warmup",)}, "baseline: The recipe has no trick 'Warmup'"),
    ],
)
def test_recipes_that_cannot_be_compared(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        start(tmp_path, **settings)
    assert not (tmp_path / "out" / "ablation.json").exists()


def test_one_file_by_two_paths_is_one_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import kerastricks as kt\nrecipe = kt.Recipe()\n")
    with pytest.raises(ValueError, match=r"each once. Received twice: ./mine.py, mine.py"):
        start(tmp_path, recipe="mine.py", against=("./mine.py",))


def test_other_epochs_are_said(tmp_path, trained):
    """`baseline` is written for 30 epochs, the recipe for 3."""
    lines = []
    start(tmp_path, against=("baseline",), seeds=1, say=lines.append)
    assert lines[0] == "baseline trains for 3 epochs, as recipe does, in place of its own 30"


def test_a_plan_is_for_the_same_ablation(tmp_path, trained):
    start(tmp_path, seeds=3)
    assert start(tmp_path, seeds=1, plan=True).seeds == 3
    for change in ({"epochs": 4}, {"seed": 1}, {"batch_size": 4}):
        with pytest.raises(ValueError, match=f"holds another ablation. It differs in .*{next(iter(change))}: "):
            start(tmp_path, seeds=1, plan=True, **change)
    assert len(trained) == 9


def test_settings_that_are_newer_than_the_directory_are_those_by_default(tmp_path, trained, tiny):
    start(tmp_path, seeds=1, model=tiny["colour"])
    path = tmp_path / "out" / "ablation.json"
    known = json.loads(path.read_text())
    for name in ("synchronized", "seed", "without", "network_contents"):
        del known[name]
    path.write_text(json.dumps(known))
    start(tmp_path, seeds=2, model=tiny["colour"])
    with pytest.raises(ValueError, match="synchronized: True there, False here"):
        start(tmp_path, seeds=2, model=tiny["colour"], synchronized=False)
