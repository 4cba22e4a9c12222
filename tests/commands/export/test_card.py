import pytest

from kerastricks.commands.export.card import card
from kerastricks.models.saved import Description

pytestmark = pytest.mark.any_backend


def test_the_rule_of_a_server():
    told = card(Description(("a", "b"), 256), (224, 192, 3))
    assert told["classes"] == ["a", "b"]
    assert told["input"]["shape"] == ["batch", 224, 192, 3]
    assert (told["preprocessing"]["resize_short_side"], told["preprocessing"]["centre_crop"]) == (256, [224, 192])
    words = told["preprocessing"]["in_words"]
    assert "convert to 8-bit RGB; resize the short side to 256 pixels" in words
    assert words.endswith(
        "; crop the centre 224×192; leave the pixels as integers from 0 to 255: the graph scales them."
    )
    assert told["output"]["shape"] == ["batch", 2]


def test_one_crop_where_the_model_sees_all():
    words = card(Description(("a", "b"), 224), (224, 224, 3))["preprocessing"]["in_words"]
    assert words.count("crop the centre") == 1


def test_grey():
    told = card(Description(("a", "b"), 8, 1), (8, 8, 1))
    assert told["input"]["colours"] == "grey"
    assert "convert to 8-bit grey" in told["preprocessing"]["in_words"]


@pytest.mark.parametrize(
    ("output", "meaning"),
    [("logits", "the softmax is in the graph"), ("sigmoid", "the sigmoid is in the graph"), ("probabilities", "order")],
)
def test_what_the_output_means(output, meaning):
    assert meaning in card(Description(("a", "b"), 8, 3, output), (8, 8, 3))["output"]["meaning"]
