import base64
import io
import re

import keras
import numpy as np
import pytest
from PIL import Image

import kerastricks as kt
from kerastricks.report.plots import (
    band_plot,
    bar_plot,
    count_plot,
    heat_map,
    image_uri,
    interval_plot,
    line_plot,
    reliability_plot,
    scatter_plot,
    shorten,
)


@pytest.mark.parametrize(
    ("learning_rate", "expected"),
    [
        (0.1, [0.1] * 4),
        (kt.WarmupSchedule(0.8, 4), [0.2, 0.4, 0.6, 0.8]),
        (keras.optimizers.schedules.PolynomialDecay(0.8, 4, 0.0), [0.8, 0.6, 0.4, 0.2]),
        (keras.optimizers.schedules.ExponentialDecay(0.8, 1, 0.5), [0.8, 0.4, 0.2, 0.1]),
        (keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.8, 0.4]), [0.8, 0.8, 0.4, 0.4]),
    ],
)
def test_draws_any_learning_rate(learning_rate, expected):
    (line,) = kt.plot_learning_rate(learning_rate, steps=4).axes[0].lines
    assert line.get_xdata().tolist() == [0, 1, 2, 3]
    assert list(line.get_ydata()) == pytest.approx(expected, abs=1e-6)


def test_draws_what_tricks_make_of_a_rate(rate):
    (line,) = kt.plot_learning_rate(rate(kt.StepDecay((1,), 0.5), plan=kt.Plan(2, 2, 1)), steps=4).axes[0].lines
    assert list(line.get_ydata()) == pytest.approx([0.8, 0.8, 0.4, 0.4], abs=1e-6)


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


def words(svg):
    return re.findall(r"<text[^>]*>(.*?)</text>", svg)


def test_names_stay_text():
    svg = bar_plot({"<b>": 50.0, "猫": 100.0, "$5 and $6": 0.0}, "%")
    assert {"&lt;b&gt;", "猫", "$5 and $6", "50.0", "100.0", "0.0"} <= set(words(svg))


@pytest.mark.parametrize(
    ("name", "shown"),
    [("MixUp", "MixUp"), ("a\nb", "a b"), ("n02085620-Chihuahua", "n02085620…hihuahua"), ("$5", r"\$5")],
)
def test_long_names_lose_their_middle(name, shown):
    assert shorten(name) == shown


def test_intervals_in_the_order_given():
    svg = interval_plot([("one", 1.0, 0.5, 1.5, "helps"), ("two", -1.0, None, None, "open")], "points")
    names = [word for word in words(svg) if word in ("one", "two", "points")]
    assert names == ["points", "one", "two"]


def test_names_of_points_stand_in_the_order_of_their_heights():
    svg = scatter_plot([("low", 0, -1.0, "hurts"), ("high", 0, 1.0, "helps"), ("same", 0, 1.0, "open")], "x", "y")
    assert [word for word in words(svg) if word.isalpha() and len(word) > 1] == ["high", "same", "low"]


def test_bands_of_runs_of_different_lengths():
    svg = band_plot({"before": [[0.5]], "now": [[0.1, 0.2, 0.3], [0.2, 0.3]]}, "epoch", "accuracy", (0, 1))
    assert {"before", "now"} <= set(words(svg))


def test_cells_without_images_are_blank():
    svg = heat_map(np.array([[3, 0], [1, 0]]), ["a", "b"], "said", "is")
    assert sorted(words(svg)) == ["1", "3", "a", "a", "b", "b", "is", "said"]


def test_counts_are_whole_numbers():
    assert {"1,234", "7", "cat", "dog", "images"} <= set(words(count_plot({"cat": 1234, "dog": 7}, "images")))


def test_ranges_without_images_have_no_bar():
    svg = reliability_plot([(0.0, 0.5, None, 0), (0.5, 1.0, 0.75, 1234)], "said", "right")
    assert "1,234" in words(svg) and "0" not in words(svg)


def test_photographs_are_made_smaller():
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3))
    kind, _, data = image_uri(noise, least=96).partition(";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (kind, picture.size) == ("data:image/jpeg", (192, 144))
