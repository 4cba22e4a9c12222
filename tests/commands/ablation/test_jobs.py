"""The runs themselves, on a network that trains in a moment."""

import dataclasses
import os
import signal

import keras
import numpy as np
import pytest

import kerastricks as kt
from kerastricks.commands import defaults, memory
from kerastricks.commands.ablation import budget, jobs, store
from kerastricks.commands.faults import MachineError
from kerastricks.commands.task import TrainTask
from kerastricks.training.engine import Engine

RECIPE = kt.Recipe((kt.Warmup(1), kt.MixUp()), epochs=3, batch_size=8)
DATA = kt.data.Data(
    "squares",
    ("dark", "light"),
    *[(np.arange(n * 192, dtype="uint8").reshape(n, 8, 8, 3), (np.arange(n) % 2).astype("int32")) for n in (16, 8)],
)


@pytest.fixture
def job(tiny):
    usual = {"model": tiny["colour"], "epochs": 2, "batch_size": 8}
    return lambda recipe, **settings: jobs.Job(TrainTask(DATA, recipe=recipe, **{**usual, **settings}))


def test_a_real_arm_that_diverges_says_so(job):
    outcome = jobs.attempt(job(kt.Recipe(learning_rate=1e9)))
    assert outcome["seed"] == 0
    assert outcome["error"].startswith("diverged: The loss is no number in batch ")


def test_a_real_arm_that_raises_says_so(job):
    assert jobs.attempt(job(kt.Recipe((kt.Warmup(99),))))["error"].startswith(
        "ValueError: Warmup is longer than the run"
    )


def test_memory_that_others_use_is_no_result(job, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1000)
    monkeypatch.setattr(defaults, "has_accelerator", lambda: False)
    with pytest.raises(MachineError, match="does not fit into memory.* Finished runs are kept"):
        jobs.attempt(job(RECIPE))


def test_a_run_is_repeatable_and_its_figures_are_those_of_the_validation_images(job):
    first, second = jobs.run(job(RECIPE, seed=1)), jobs.run(job(RECIPE, seed=1))
    assert first["accuracy"] == second["accuracy"] == first["history"]["val_accuracy"][-1]
    assert first["loss"] == second["loss"]
    assert first["ms_per_step"] > 0
    assert first["peak_memory"] > 0


def test_averaged_weights_are_what_counts(job):
    assert jobs.run(job(kt.Recipe((kt.EMA(0.9),))))["loss"] != jobs.run(job(kt.Recipe()))["loss"]


def test_the_seed_chooses_the_split_where_the_data_has_none():
    first, second = (jobs.load(TrainTask("digits", seed=seed)).validation[1] for seed in (0, 1))
    assert not np.array_equal(first, second)
    assert jobs.load(TrainTask(DATA, seed=1)) is DATA


def test_a_trial_times_the_first_epochs_of_a_long_run(job, monkeypatch):
    """The warmup of 5 epochs fits the run of 30, not the trial of 3."""
    made = []
    monkeypatch.setattr(budget, "run", lambda job, ends: made.append(ends) or jobs.run(job, ends))
    _, epoch = budget.trial(job("tutorial", without=["LinearScaling"], epochs=30))
    times = made[0].times
    assert len(times) == 3
    assert min(np.diff(times)) <= epoch <= max(np.diff(times))


def test_a_restored_weight_is_what_counts(job, monkeypatch):
    """EarlyStopping puts the weights of its best epoch back at the end: the figures are theirs."""
    found = jobs.run(job(kt.Recipe((kt.EarlyStopping(1),), learning_rate=0.5), epochs=4))
    assert found["loss"] == pytest.approx(min(found["history"]["val_loss"]), rel=1e-4)


def test_a_validation_loss_that_is_not_finite_is_a_divergence(job, monkeypatch):
    evaluate = Engine.evaluate

    def broken(self, *data, **settings):
        return {**evaluate(self, *data, **settings), "loss": float("nan")}

    monkeypatch.setattr(Engine, "evaluate", broken)
    outcome = jobs.attempt(job(kt.Recipe(learning_rate=1e-3)))
    assert outcome["error"].startswith("diverged: the validation loss was nan")


def test_a_machine_that_fails_is_no_result(job, monkeypatch):
    monkeypatch.setattr(jobs, "run", lambda job: (_ for _ in ()).throw(OSError("No space left on device")))
    with pytest.raises(ValueError, match="The machine failed in a run with seed 0: OSError: No space left"):
        jobs.attempt(job(RECIPE))


def out_of_memory():
    raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes.")


def unreadable():
    try:
        raise OSError("Input/output error")
    except OSError as error:
        raise ValueError(f"Cannot read 7.jpg: {error}") from None


@pytest.mark.parametrize("failure", [out_of_memory, unreadable])
def test_memory_and_files_are_the_machines(job, monkeypatch, failure):
    monkeypatch.setattr(jobs, "run", lambda job: failure())
    with pytest.raises(ValueError, match="The machine failed in a run with seed 0: .* Finished runs are kept"):
        jobs.attempt(job(RECIPE))


def test_data_that_is_gone_is_no_result():
    with pytest.raises(ValueError, match="The machine failed in a run with seed 3: ValueError: nowhere does not exist"):
        jobs.attempt(jobs.Job(TrainTask("nowhere", seed=3)))


def test_a_run_that_is_killed_goes_on_inside_that_run(job, tmp_path):
    """The checkpoints are those of `Runs.unfinished`, which `Runs.keep` removes."""
    recipe = kt.Recipe((kt.MixUp(), kt.EMA(0.9)), learning_rate=1e-3)
    whole = jobs.run(job(recipe, epochs=4))
    runs = store.Runs(tmp_path, ["all tricks"], [0])
    kept = runs.unfinished("all tricks", 0)
    saved = dataclasses.replace(job(recipe, epochs=4), checkpoints=str(kept))
    begun = []

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            begun.append(epoch)

        def on_train_batch_begin(self, batch, logs=None):
            if begun == [0, 1, 2] and batch == 1:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        jobs.run(saved, Stop())
    assert list(kept.glob("step-*.npz"))
    found = jobs.run(saved, Stop())
    assert begun == [0, 1, 2, 2, 3]
    times = ("seconds", "ms_per_step", "peak_memory")
    assert {key: value for key, value in found.items() if key not in times} == {
        key: value for key, value in whole.items() if key not in times
    }
    runs.keep("all tricks", 0, found)
    assert not kept.exists()
