import base64
import io

import keras
import numpy as np
import pytest
from PIL import Image

import kerastricks as kt
from kerastricks.report.plots import image_uri, line_plot


@pytest.mark.parametrize(
    ("learning_rate", "expected"),
    [
        (0.1, [0.1] * 4),
        (kt.WarmupSchedule(0.8, 4), [0.2, 0.4, 0.6, 0.8]),
        (keras.optimizers.schedules.PolynomialDecay(0.8, 4, 0.0), [0.8, 0.6, 0.4, 0.2]),
        (keras.optimizers.schedules.ExponentialDecay(0.8, 1, 0.5), [0.8, 0.4, 0.2, 0.1]),
        (kt.StepDecay((1,), 0.5).learning_rate(0.8, kt.Plan(2, 2, 1)), [0.8, 0.8, 0.4, 0.4]),
    ],
)
def test_draws_any_learning_rate(learning_rate, expected):
    (line,) = kt.plot_learning_rate(learning_rate, steps=4).axes[0].lines
    assert line.get_xdata().tolist() == [0, 1, 2, 3]
    assert list(line.get_ydata()) == pytest.approx(expected, abs=1e-6)


def test_draws_over_epochs(tmp_path):
    figure = kt.plot_learning_rate(0.1, steps=4, steps_per_epoch=2)
    assert figure.axes[0].lines[0].get_xdata().tolist() == [0, 0.5, 1, 1.5]
    figure.savefig(tmp_path / "rate.png")
    with Image.open(tmp_path / "rate.png") as picture:
        assert picture.width > 100


@pytest.mark.parametrize("arguments", [(0,), (4, 0)])
def test_refuses_to_draw_nothing(arguments):
    with pytest.raises(ValueError, match="must be at least 1. Received"):
        kt.plot_learning_rate(0.1, *arguments)


def test_curves_get_a_legend_where_there_are_several():
    assert "legend" not in line_plot({"a": [1, 2]}, [0, 1], "x", "y")
    assert "legend" in line_plot({"a": [1, 2], "b": [2, 1]}, [0, 1], "x", "y")


def test_small_images_are_enlarged():
    uri = image_uri(np.full((8, 10, 3), 300.0))
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert picture.size == (120, 96)
    assert picture.getpixel((0, 0)) == (255, 255, 255)
