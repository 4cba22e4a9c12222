import io
import re

import pytest
from rich.console import Console

import kerastricks as kt
from kerastricks.report.progress import Progress, _clock, _waits


def trained(model, images, terminal, tricks=()):
    stream = io.StringIO()
    plan = kt.Plan(3, 4, 8)
    progress = Progress(plan, 26, Console(file=stream, force_terminal=terminal, width=200, soft_wrap=True), 0)
    recipe = kt.Recipe(tricks, learning_rate=0.05)
    recipe.fit(model, images, validation_data=images, epochs=3, batch_size=8, callbacks=[progress], verbose=0)
    return progress, stream.getvalue()


def test_plain_lines_where_there_is_no_terminal(model, images):
    progress, text = trained(model, images, False, (kt.Warmup(1),))
    lines = text.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(
        r"epoch 2/3  loss \d\.\d{4}  accuracy \d\.\d{4}  validation loss \d+\.\d{4}  validation accuracy \d\.\d{4}  "
        r"rate 0.05  [\d,]+ images/s  (waits for data \d+% of the time  )?\d:\d\d left",
        lines[1],
    )
    assert len(progress.epoch_seconds) == 3
    assert progress.images_per_second > 0


@pytest.mark.parametrize("tricks", [(), (kt.Warmup(1),)], ids=["constant", "schedule"])
def test_a_live_line_on_a_terminal(model, images, tricks):
    _, text = trained(model, images, True, tricks)
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", text)
    assert re.search(r"epoch \d/3 step \d/4 .* rate 0.05", plain)
    assert "epoch 3/3  loss" in plain


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3661, "1:01:01")])
def test_shows_a_clock(seconds, shown):
    assert _clock(seconds) == shown


@pytest.mark.parametrize(
    ("logs", "shown"),
    [({}, ""), ({"data_wait": 0.04}, ""), ({"data_wait": 0.374}, "waits for data 37% of the time  ")],
)
def test_says_when_the_data_is_slow(logs, shown):
    assert _waits(logs) == shown
