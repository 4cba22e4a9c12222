import numpy as np

from kerastricks.report.judgement import in_words, judge, percent, section


def test_figures_in_words(judged):
    judgement, names = judged(classes=3, wrong=0)
    words = in_words(judgement.scores.figures())
    assert list(words) == ["right, %", "mean over the classes, %", "cross-entropy", "calibration error, %"]
    assert words["right, %"] == "100.00 (100.00 to 100.00)"
    assert section(judgement, names)["figures"] == words


def test_ten_classes_have_a_first_five(judged):
    assert "among the first 5, %" in in_words(judged(classes=10)[0].scores.figures())


def test_percent():
    assert (percent(0.5), percent(0.5, (0.25, 0.754321))) == ("50.00", "50.00 (25.00 to 75.43)")


def test_a_class_without_images_is_not_drawn():
    images, labels = np.zeros((4, 8, 8, 1)), np.array([0, 0, 1, 1])
    shown = section(judge("images", images, labels, np.eye(3)[[0, 0, 1, 0]]), ["cat", "dog", "elk"])
    assert (shown["images"], shown["classes"], shown["shown"]) == (4, 2, 2)
    assert "elk" not in shown["accuracy_plot"] and "elk" in shown["confusion_plot"]
    assert [cell["caption"] for cell in shown["pairs"]] == ["dog taken for cat: 1 of 2"]


def test_answers_that_are_not_numbers_are_counted_but_not_scored():
    answers = np.full((4, 3), np.nan)
    judgement = judge("images", np.zeros((4, 8, 8, 1)), np.array([0, 0, 1, 1]), answers)
    shown = section(judgement, ["cat", "dog", "elk"])
    assert (judgement.scores, shown["figures"], shown["calibration_plot"], shown["images"]) == (None, {}, "", 4)
