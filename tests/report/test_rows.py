import csv
import io
import json

import pytest

from kerastricks.report.rows import lines

ROWS = [
    {"path": "a.png", "label": "cat", "probability": 0.75, "label_2": "dog", "probability_2": 0.25},
    {"path": "b.png", "error": "it is no image"},
]


def test_csv():
    assert list(lines(ROWS, "csv", 2)) == [
        "path,label,probability,label_2,probability_2,error",
        "a.png,cat,0.750000,dog,0.250000,",
        "b.png,,,,,it is no image",
    ]


def test_json():
    assert [json.loads(line) for line in lines(ROWS, "jsonl", 2)] == ROWS


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_spreadsheet_finds_no_formula(start):
    row = {"path": f"{start}a.png", "label": f"{start}cat", "probability": 1.0}
    _, line = lines([row], "csv", 1)
    ((path, label, *rest),) = csv.reader(io.StringIO(line, newline=""))
    escaped = {"\t": r"\t", "\r": r"\r", "\n": r"\n"}.get(start, start)
    assert (path, label, rest) == (f"'{escaped}a.png", f"'{escaped}cat", ["1.000000", ""])


def test_numbers_stay_numbers():
    _, line = lines([{"path": "a", "label": "-1", "probability": 1e-9}], "csv", 1)
    assert line == "a,'-1,0.000000,"


def test_names_of_any_kind_stay_one_row():
    row = {"path": "a\nb.png", "label": 'Größe, "10"', "probability": 1.0}
    _, line = lines([row], "csv", 1)
    assert list(csv.reader([line])) == [[r"a\nb.png", 'Größe, "10"', "1.000000", ""]]
    (line,) = lines([row], "jsonl", 1)
    assert "\n" not in line and "Größe" in line and json.loads(line) == row


@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_a_terminal_gets_nothing_to_obey(output_format):
    """ESC and its eight-bit form begin commands of a terminal; U+202E turns the text after it round."""
    row = {"path": "a\x1b[2J\x9b2J\x07\u202egnp.exe", "error": "no"}
    *_, line = lines([row], output_format, 1)
    assert line.isprintable()
    if output_format == "jsonl":
        assert json.loads(line) == row


@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_names_that_are_not_utf_8_are_escaped(output_format):
    *_, line = lines([{"path": "caf\udce9.png", "error": "no"}], output_format, 1)
    assert r"caf\udce9" in line.replace(r"\\", "\\") and line.encode("utf-8")


def test_rows_come_as_they_are_made():
    def endless():
        while True:
            yield ROWS[0]

    stream = lines(endless(), "csv", 1)
    assert [next(stream) for _ in range(3)][2] == "a.png,cat,0.750000,"
