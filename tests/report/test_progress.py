import io
import re

import pytest
from rich.console import Console

import kerastricks as kt
from kerastricks.report.progress import Progress, _clock, _waits, fit


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
    assert len(progress.step_seconds) == 3
    progress.step_seconds = [0.5, 0.1, 0.2]
    assert progress.images_per_second == pytest.approx(26 / (4 * 0.2))


@pytest.mark.parametrize("tricks", [(), (kt.Warmup(1),)], ids=["constant", "schedule"])
def test_a_live_line_on_a_terminal(model, images, tricks):
    _, text = trained(model, images, True, tricks)
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", text)
    assert re.search(r"epoch \d/3 step \d/4 .* rate 0.05", plain)
    assert "epoch 3/3  loss" in plain


PARTS = {
    "epoch": "epoch 12/120",
    "loss": "loss 0.1234",
    "accuracy": "accuracy 0.9123",
    "val_loss": "validation loss 0.4321",
    "val_accuracy": "validation accuracy 0.8765",
    "rate": "rate 0.05",
    "speed": "12,345 images/s",
    "waits": "waits for data 37% of the time",
    "left": "0:12 left",
}


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (200, "  ".join(PARTS.values())),
        (160, "  ".join(PARTS.values()).replace("validation", "val")),
        (80, "epoch 12/120  loss 0.1234  accuracy 0.9123  val accuracy 0.8765  0:12 left"),
        (60, "epoch 12/120  loss 0.1234  val accuracy 0.8765  0:12 left"),
        (30, "epoch 12/120  0:12 left"),
        (10, "epoch 12/120  0:12 left"),
    ],
)
def test_what_matters_least_goes_first_and_the_time_left_stays(width, shown):
    assert fit(PARTS, width) == shown


def test_a_live_line_fits_eighty_columns(model, images):
    stream = io.StringIO()
    progress = Progress(kt.Plan(3, 4, 8), 26, Console(file=stream, force_terminal=True, width=80), 0)
    kt.Recipe(learning_rate=0.05).fit(model, images, epochs=3, batch_size=8, callbacks=[progress], verbose=0)
    lines = re.split(r"[\r\n]", re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", stream.getvalue()))
    live = [line for line in lines if re.match(r"epoch \d/3 step", line)]
    assert live and max(map(len, lines)) <= 80
    assert all(re.search(r"(\d:\d\d|-:--)\s*$", line) for line in live)


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3661, "1:01:01")])
def test_shows_a_clock(seconds, shown):
    assert _clock(seconds) == shown


@pytest.mark.parametrize(
    ("logs", "shown"),
    [({}, ""), ({"data_wait": 0.04}, ""), ({"data_wait": 0.374}, "waits for data 37% of the time")],
)
def test_says_when_the_data_is_slow(logs, shown):
    assert _waits(logs) == shown
