import numpy as np

from kerastricks.report.page import caption, training_page

NASTY = "<script>alert(1)</script>"


def page():
    history = {"loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "accuracy": [0.1, 0.5], "val_accuracy": [0.2, 0.4]}
    result = {
        "accuracy": 0.4321,
        "loss": 1.5,
        "seconds": 3.0,
        "epochs": 2,
        "images_per_second": 1234.0,
        "model": "resnet20",
        "recipe": "tutorial",
    }
    samples = np.zeros((2, 8, 8, 1)), np.array([[0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
    return training_page({"data": NASTY}, result, history, [0.1, 0.2, 0.1], samples, ("cat", "dog", NASTY))


def test_shows_the_figure_three_plots_and_the_sheet():
    html = page()
    assert "43.21 %" in html
    assert (html.count("<svg"), html.count("<img")) == (3, 2)
    assert "90 % cat, 10 % dog" in html


def test_shows_names_as_text():
    assert NASTY not in page()
    assert "&lt;script&gt;" in page()


def test_fetches_nothing():
    html = page().replace("http://www.w3.org", "").replace("http://purl.org", "").replace("http://creativecommons", "")
    assert "http" not in html.replace("https://matplotlib.org", "")
    assert 'src="data:image/png;base64,' in html


def test_captions_leave_small_shares_out():
    assert caption(np.array([0.004, 0.996]), ("a", "b")) == "100 % b"
