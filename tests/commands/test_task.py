import dataclasses

import pytest

from kerastricks.commands.ablation.task import AblateTask
from kerastricks.commands.task import Task, TrainTask

pytestmark = pytest.mark.any_backend


def test_the_command_says_every_setting_that_was_asked_for():
    task = TrainTask(
        "digits",
        with_tricks=("MixUp:alpha=0.4", "EMA"),
        without=("Warmup",),
        optimizer="AdamW",
        early_stopping=3,
        tensorboard=True,
    )
    assert task.command("train", "jax") == (
        "kerastricks train digits --without Warmup --with MixUp:alpha=0.4 EMA --backend jax --optimizer AdamW "
        "--early-stopping 3 --tensorboard"
    )
    settings = task.settings()
    assert (settings["with_tricks"], settings["optimizer"]) == (["MixUp:alpha=0.4", "EMA"], "AdamW")


def test_the_command_line_reads_what_the_command_says():
    from kerastricks.cli import app

    task = TrainTask("digits", with_tricks=("StepDecay:epochs=(1, 2)", "EMA"), optimizer="AdamW", early_stopping=3)
    _, bound, _ = app.parse_args(task.command("train", "jax").removeprefix("kerastricks "))
    found = dataclasses.replace(bound.arguments["task"], backend=None)
    assert dataclasses.replace(found, with_tricks=tuple(found.with_tricks)) == task
    twice = app.parse_args(["train", "digits", "--with", "EMA", "--with", "MixUp", "RandomFlip"])[1]
    assert list(twice.arguments["task"].with_tricks) == ["EMA", "MixUp", "RandomFlip"]


def test_early_stopping_is_a_trick_that_is_added():
    assert TrainTask("digits", with_tricks=["EMA"], early_stopping=3).spoken == ("EMA", "EarlyStopping:patience=3")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"with_tricks": "EMA"}, "`with_tricks` must be a sequence of names. Received: with_tricks='EMA'"),
        (
            {"with_tricks": ["EMA", "EMA:momentum=0.9"]},
            "EMA is added twice, or added and left out. Received: with EMA EMA",
        ),
        ({"with_tricks": ["EMA:momentum=0.9"], "without": ["EMA"]}, "Received: with EMA:momentum=0.9; without EMA"),
        ({"with_tricks": ["EarlyStopping"], "early_stopping": 2}, "EarlyStopping is added twice"),
        ({"early_stopping": 0}, "`early_stopping` must be at least 1. Received: early_stopping=0"),
    ],
)
def test_refuses_what_contradicts_itself(settings, said):
    with pytest.raises(ValueError, match=said):
        TrainTask("digits", **settings)


def test_ablations_write_no_event_files():
    with pytest.raises(ValueError, match="`tensorboard` is for a run of `train`"):
        AblateTask("digits", tensorboard=True)
    assert not hasattr(Task("digits"), "tensorboard")
