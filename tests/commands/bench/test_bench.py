import importlib.util

import pytest

from kerastricks.commands.bench.bench import bench
from kerastricks.commands.bench.task import BenchTask
from kerastricks.report.speed import table

SMALL = {"image_size": 8, "batch_size": 4, "classes": 3, "steps": 2, "rounds": 2}


@pytest.mark.slow
def test_measures_every_side_and_says_so(capsys):
    said = []
    result = bench(BenchTask(**SMALL), said.append)
    sides = {"both", "step", "input", "plain"} | ({"native"} if importlib.util.find_spec("torch") else set())
    assert set(result["images_per_second"]) == sides
    for column in result["images_per_second"].values():
        assert len(column) == 2
        assert min(column) > 0
    # Every ratio comes from the rounds: two of them, so the median is their mean.
    rates = result["images_per_second"]
    for peer, ratio in result["ratios"].items():
        pairs = [a / b for a, b in zip(rates["both"], rates[peer], strict=True)]
        assert ratio == pytest.approx(sum(pairs) / 2)
    assert 0 <= result["data_wait"] <= 1
    assert result["peak_memory"] > 1e8
    assert "round 2/2: plain" in said
    text = table(result)
    assert "resnet20, 8×8×3, 3 classes, batch 4" in text
    assert f"training is {result['ratios']['plain']:.2f} times as fast" in text
    assert ("not measured: PyTorch is not installed" in text) == ("native" not in sides)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"recipe": "none"}, "none"),
        ({"model": "resnet20x"}, "Did you mean resnet20"),
        ({"data": "nowhere", "classes": None}, "does not exist"),
        ({"data": "digits"}, "`classes` is for random images. Received: classes=3, data='digits'"),
        ({"cache_size": 1.0}, "`cache_size` is for folders"),
        ({"without": ["Mixup"]}, "Did you mean MixUp"),
    ],
)
def test_refuses_what_does_not_fit(wrong, message):
    with pytest.raises(ValueError, match=message):
        bench(BenchTask(**{**SMALL, **wrong}))
