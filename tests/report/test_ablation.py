import re

import pytest

from kerastricks.report.ablation import ablation_page, summary

NASTY = "<script>alert(1)</script>"


def text(html):
    """The words of a page, without its tags and styles."""
    return re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL))


def test_the_verdict_comes_first_with_its_numbers(ablation):
    result = ablation()
    result["effects"][0]["accuracy"] |= {"mean": 0.02, "low": 0.015, "high": 0.025, "p_holm": 0.0123}
    words = text(ablation_page(result))
    assert "1 of 4 tricks helps, 1 hurts, 2 are not settled" in words
    assert "Warmup helps: +2.00 points [+1.50, +2.50], Holm p 0.012" in words
    assert re.search(r"CosineDecay : [+−]?0\.\d\d points \[.*?\]; cannot tell yet: ", words)
    order = [
        "Warmup helps",
        "Effect on validation",
        "Gain against",
        "Validation accuracy of each arm",
        "Arms",
        "What was run",
    ]
    assert sorted(order, key=words.index) == order
    assert words.rstrip().endswith("kerastricks ablate digits --recipe cifar --seeds 5 --epochs 8")


def test_what_the_intervals_are_of(ablation):
    """Those of earlier versions were for a number of seeds fixed beforehand."""
    result = ablation()
    assert "by seed; intervals and verdicts hold however often seeds are added" in text(ablation_page(result))
    for effect in result["effects"]:
        del effect["accuracy"]["always_valid"]
    words = text(ablation_page(result))
    assert "over 5 seeds, the runs paired by seed. " in words and "however" not in words


def test_a_plot_of_effects_one_of_cost_and_one_an_arm(ablation):
    html = ablation_page(ablation())
    assert html.count("<svg") == 2 + 5


def test_failures_keep_their_reason(ablation):
    result = ablation()
    result["effects"][3] |= {"accuracy": None, "loss": None, "ms_per_step": None, "peak_memory": None}
    result["effects"][3]["verdict"] = "the arm failed: <b>no</b>"
    html = ablation_page(result)
    assert "seed 0 the loss is not finite at step 12" in text(html)
    assert "the arm failed: &lt;b&gt;no&lt;/b&gt;" in html
    assert "1 of 4 tricks helps, 1 hurts, 1 is not settled, 1 failed" in html


def test_shows_names_as_text(ablation):
    html = ablation_page(ablation())
    assert NASTY not in html
    assert "cat, dog, &lt;script&gt;" in html


def test_one_seed_has_points_without_intervals(ablation):
    words = text(ablation_page(ablation(seeds=1)))
    assert "0 of 4 tricks help, 4 are not settled" in words
    assert "of one seed: another seed gives others" in words
    assert re.search(r"Warmup : \+\d\.\d\d points; one seed: no interval can be given", words)


def test_an_interval_beyond_what_is_possible_is_not_drawn(ablation, monkeypatch):
    from kerastricks.report import ablation as module

    drawn = []
    monkeypatch.setattr(module, "interval_plot", lambda rows, label: drawn.extend(rows) or "<svg></svg>")
    result = ablation(seeds=2)
    result["effects"][0]["accuracy"] |= {"low": -1.27, "high": 1.3}
    result["effects"][1]["accuracy"] |= {"low": -1.0, "high": 1.0}
    ablation_page(result)
    assert [row[2:4] for row in drawn[:2]] == [(None, None), (-100.0, 100.0)]


@pytest.mark.parametrize("arms", [0, 1])
def test_before_the_first_comparison(ablation, arms):
    result = ablation()
    html = ablation_page(result | {"effects": [], "arms": result["arms"][:arms]})
    assert "No trick has been compared yet" in html
    assert html.count("<svg") == arms


def test_without_times_there_is_no_plot_of_cost(ablation):
    result = ablation()
    for effect in result["effects"]:
        effect |= {"ms_per_step": None, "peak_memory": None}
    html = ablation_page(result)
    assert html.count("<svg") == 6
    assert "Gain against cost" not in html


def test_runs_that_stopped_early(ablation):
    result = ablation()
    result["arms"][0]["runs"][0]["history"]["val_accuracy"] = [0.5]
    result["arms"][1]["runs"][0]["history"] = {}
    assert ablation_page(result).count("<svg") == 7


def test_a_sentence_over_all():
    def found(*verdicts):
        return [{"trick": str(at), "accuracy": {}, "verdict": words} for at, words in enumerate(verdicts)]

    assert summary(found("helps")) == "1 of 1 trick helps"
    assert summary(found("hurts", "hurts", "helps", "helps")) == "2 of 4 tricks help, 2 hurt"
    assert summary([*found("helps"), *found("helps")]) == "2 of 2 comparisons help"


def test_recipes_against_others(ablation):
    """The four comparisons of the fixture, of which one helps and one hurts; two have the names of recipes."""
    result = ablation()
    result["design"] = "against"
    for effect, name in zip(result["effects"], ("steps", "plain"), strict=False):
        effect.update(trick=f"full over {name}", against=name)
    page = ablation_page(result)
    assert "against other recipes" in page
    assert "<th>comparison</th>" in page and "<th>trick</th>" not in page
    assert "over steps" in page.partition("<svg")[2]
    assert "full is better than 1 and is worse than 1 of 4 other recipes" in page
