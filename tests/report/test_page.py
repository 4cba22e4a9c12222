import re

import numpy as np
import pytest

from kerastricks.report.page import caption

NASTY = "<script>alert(1)</script>"


def test_shows_the_figure_the_plots_and_the_sheet(training):
    html = training()
    assert "43.21 %" in html
    assert html.count("<svg") == 5
    assert html.count("<img") == 2 + 12
    assert "90 % cat, 10 % dog" in html


def test_mistakes_stand_by_their_confidence(training):
    captions = re.findall(r"<figcaption>(said .*?)</figcaption>", training())
    assert captions[0] == "said dog 99 %, is cat"
    shares = [int(re.search(r"(\d+) %", words)[1]) for words in captions]
    assert shares == sorted(shares, reverse=True)


def test_no_mistakes(training):
    html = training(wrong=0)
    assert "None: every validation image is right." in html
    assert "said" not in re.sub("<svg.*?</svg>|<figcaption>Images.*?<", "", html, flags=re.DOTALL)


@pytest.mark.parametrize(("classes", "plots", "listed"), [(20, 5, False), (21, 4, True)])
def test_many_classes_are_listed_by_pairs(training, classes, plots, listed):
    html = training(classes, wrong=22)
    assert html.count("<svg") == plots
    assert ("Most confused classes" in html) == listed
    assert ("The 20 lowest of 21 classes." in html) == listed
    if listed:
        assert "<tr><td>cat</td><td>dog</td><td>2 of 6</td></tr>" in html


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
