import re

import numpy as np
import pytest

from kerastricks.report.page import caption

NASTY = "<script>alert(1)</script>"


def test_shows_the_figure_the_plots_and_the_sheet(training):
    html = training()
    assert "43.21 % of the validation images right" in html
    assert html.count("<svg") == 3 + 3 + 1  # curves; confusion, accuracy, reliability; training images
    assert html.count("<img") == 2 + 12 + 3  # samples, mistakes, one of each confused pair
    assert "90 % cat, 10 % dog" in html


def test_the_test_images_come_first(training):
    html = training(sides=("test images", "validation images"))
    assert "54.32 % of the test images right" in html and "43.21 % of the\nvalidation images right" in html
    assert html.index("about the 18 test images") < html.index("about the 18 validation images")
    assert html.count("<svg") == 3 + 2 * 3 + 1


def test_notes_stand_at_the_top_as_text(training):
    html = training(notes=[f"Not used: {NASTY}/."])
    assert html.index("<li>Not used: &lt;script&gt;") < html.index("<svg")


def test_figures_have_intervals(training):
    html = training(wrong=0)
    assert "<tr><th>right, %</th><td>100.00 (100.00 to 100.00)</td></tr>" in html
    assert "<tr><th>mean over the classes, %</th><td>100.00</td></tr>" in html


def test_each_pair_has_a_picture(training):
    captions = re.findall(r"<figcaption>(\w+ taken for \w+: .*?)</figcaption>", training())
    assert captions[0] == "cat taken for dog: 5 of 6"


def test_training_images_largest_first(training):
    html = training()
    plot = html[html.index("Training images of each class") :]
    assert re.findall(r">(cat|dog|1[0-2])</text>", plot.partition("</svg>")[0])[-5:] == ["dog", "cat", "12", "11", "10"]


def test_mistakes_stand_by_their_confidence(training):
    captions = re.findall(r"<figcaption>(said .*?)</figcaption>", training())
    assert captions[0] == "said dog 99 %, is cat"
    shares = [int(re.search(r"(\d+) %", words)[1]) for words in captions]
    assert shares == sorted(shares, reverse=True)


def test_no_mistakes(training):
    html = training(wrong=0)
    assert "None: every one of these images is right." in html
    assert "Most confused" not in html


@pytest.mark.parametrize(("classes", "plots", "many"), [(20, 7, False), (21, 6, True)])
def test_many_classes_are_shown_in_part(training, classes, plots, many):
    html = training(classes, wrong=22)
    assert html.count("<svg") == plots
    assert ("Classes and what they are taken for" in html) == (not many)
    assert ("The 20 lowest of 21 classes." in html) == many
    assert ("The 10 largest and the 10 smallest of 21 classes." in html) == many
    assert "<figcaption>cat taken for dog: 2 of 6</figcaption>" in html


def test_shows_names_as_text(training):
    assert NASTY not in training()
    assert "&lt;script&gt;" in training()


def test_fetches_nothing(training):
    html = training().replace("http://www.w3.org", "").replace("http://purl.org", "")
    html = html.replace("http://creativecommons", "").replace("https://matplotlib.org", "")
    assert not re.search("https?://", html)
    assert 'src="data:image/png;base64,' in html


def test_captions_leave_small_shares_out():
    assert caption(np.array([0.004, 0.996]), ("a", "b")) == "100 % b"
