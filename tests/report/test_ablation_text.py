import csv
import io
import re

import pytest

from kerastricks.report.ablation_text import COLUMNS, csv_rows, csv_text, kind, names, signed, spread, table


def test_one_line_a_trick(ablation):
    lines = table(ablation()).splitlines()
    assert re.split("  +", lines[0]) == ["trick", "points of accuracy [95 %]", "Holm p", "ms/step", "verdict"]
    assert [line.split()[0] for line in lines[1:4]] == ["Warmup", "CosineDecay", "MixUp"]
    assert re.fullmatch(r"Warmup +\+\d\.\d\d \[\+\d\.\d\d, \+\d\.\d\d\] +\S+ +\+[01]\.\d  helps", lines[1])
    assert lines[2].count("[") == 1 and "cannot tell yet: " in lines[2]
    assert re.search(r" −[01]\.\d  hurts$", lines[3])


def test_figures_are_points(ablation):
    result = ablation()
    result["effects"] = result["effects"][:1]
    result["effects"][0]["accuracy"] |= {"mean": 0.0123, "low": -0.001, "high": 0.02, "p_holm": 0.0004}
    assert "Warmup  +1.23 [−0.10, +2.00]  " in table(result)
    assert "  <0.001  " in table(result)


@pytest.mark.parametrize(("low", "high"), [(-1.27, 1.3), (-0.2, 1.01), (-1.01, 0.2)])
def test_an_interval_beyond_what_is_possible_is_none(ablation, low, high):
    """Accuracies differ by 100 points at most."""
    result = ablation(seeds=2)
    result["effects"] = result["effects"][:1]
    result["effects"][0]["accuracy"] |= {"mean": 0.0123, "low": low, "high": high}
    assert "Warmup  +1.23 (no useful interval from 2 seeds)" in table(result)


def test_one_seed_and_failed_arms(ablation):
    result = ablation(seeds=1)
    result["effects"][1] |= {
        "accuracy": None,
        "loss": None,
        "ms_per_step": None,
        "peak_memory": None,
        "verdict": "the arm without CosineDecay failed",
    }
    lines = table(result).splitlines()
    assert "[" not in lines[1] and lines[1].endswith("one seed: no interval can be given")
    assert lines[2].split(maxsplit=1) == ["CosineDecay", "the arm without CosineDecay failed"]
    assert [kind(effect) for effect in result["effects"]] == ["open", "failed", "open", "open"]


def test_before_the_first_comparison(ablation):
    assert table(ablation() | {"effects": [], "arms": []}) == "no trick has been compared yet"


def test_tricks_compared_twice_show_their_arms(ablation):
    effect = ablation()["effects"][0]
    other = effect | {"arm": "with Warmup", "against": "none"}
    assert names([effect, other]) == ["Warmup (full − without Warmup)", "Warmup (with Warmup − none)"]


def test_one_row_a_run(ablation):
    rows = csv_rows(ablation())
    assert len(rows) == 25
    assert all(tuple(row) == COLUMNS for row in rows)
    assert (rows[0]["arm"], rows[0]["seed"], rows[0]["peak_memory"], rows[0]["error"]) == ("full", 0, 1_500_000_000, "")
    assert (rows[20]["accuracy"], rows[20]["error"]) == ("", "the loss is not finite at step 12")
    stream = io.StringIO()
    csv.DictWriter(stream, COLUMNS).writerows(rows)
    assert len(stream.getvalue().splitlines()) == 25


@pytest.mark.parametrize(
    ("value", "digits", "shown"), [(1.234, 2, "+1.23"), (-0.5, 1, "−0.5"), (-0.004, 2, "0.00"), (0, 1, "0.0")]
)
def test_signs(value, digits, shown):
    assert signed(value, digits) == shown


def test_mean_and_deviation():
    assert spread([1, 2, 3], 2) == "2.00 ± 1.00"
    assert spread([1.5], 1) == "1.5"


def test_csv_holds_no_formula(ablation):
    result = ablation()
    result["arms"] = result["arms"][-1:]
    result["arms"][0]["name"] = "-1+cmd|' /C calc'!A0"
    result["arms"][0]["runs"][0]["error"] = "=1\n+1"
    rows = list(csv.DictReader(io.StringIO(csv_text(result))))
    assert {row["arm"] for row in rows} == {"'-1+cmd|' /C calc'!A0"}
    assert rows[0]["error"] == r"'=1\n+1"
    assert float(rows[1]["accuracy"]) == result["arms"][0]["runs"][1]["accuracy"]
