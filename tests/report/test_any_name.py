"""Names of classes and files are text on a page, whatever they hold."""

import html.parser
import re
import xml.etree.ElementTree as xml

import numpy as np
import pytest

from kerastricks.data.names import shown
from kerastricks.report.evaluation import evaluation_page, table
from kerastricks.report.plots import band_plot, bar_plot, count_plot, heat_map, interval_plot, scatter_plot
from kerastricks.report.rows import lines

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "]]></svg><script>alert(1)</script>",
    "<!-- --!>",
    "&lt;b&gt;",
    "$\\frac{1}{0}$",
    "$ and $",
    "\\$x_{$",
    "caf\udce9",
    "\x1b[2J\x9b0m\x07",
    "abc\u202egpj.exe",
    "a\nb\tc",
    "犬 🐶 العربية",
    "x" * 300,
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "..",
    "%s%n",
)
PLOTS = {
    "bars": lambda names: bar_plot(dict.fromkeys(names, 50.0), "%"),
    "counts": lambda names: count_plot(dict.fromkeys(names, 5), "images"),
    "heat map": lambda names: heat_map(np.eye(len(names), dtype="int64"), names, "said", "is"),
    "intervals": lambda names: interval_plot([(name, 1.0, 0.5, 1.5, "helps") for name in names], "points"),
    "points": lambda names: scatter_plot([(name, 1.0, 2.0, "helps") for name in names], "ms", "points"),
    "bands": lambda names: band_plot({name: [[0.1]] for name in names}, "epoch", "accuracy", (0.0, 1.0)),
}
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Reader(html.parser.HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, page):
        super().__init__()
        self.found = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found |= {
            tag,
            *(name for name, _ in attrs),
            *(f"{tag} {text[:5]}" for name, text in attrs if name == "src"),
        }


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_is_text_and_no_formula(plot):
    for start in range(0, len(NAMES), 7):
        names = NAMES[start : start + 7]
        drawn = PLOTS[plot](names)
        assert not CONTROLS.search(drawn)
        texts = ["".join(text.itertext()) for text in xml.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
        for name in map(shown, (" ".join(name.split()) for name in names)):
            assert name in texts or (len(name) > 18 and name[:9] in {text[:9] for text in texts}), (name, texts)


def test_a_page_holds_no_element_of_a_name(evaluated):
    result, judgements, classes = evaluated
    plain = Reader(evaluation_page(result, judgements, classes)).found
    for start in range(0, len(NAMES) - 2, 3):
        names = NAMES[start : start + 3]
        page = evaluation_page({**result, "notes": list(names), "command": names[0]}, judgements, names)
        assert Reader(page).found == plain, names


def test_lines_for_a_terminal_hold_no_commands(evaluated):
    result = evaluated[0]
    for row, name in zip(result["models"]["model.keras"]["classes"], ("\x1b[2J", "a\nb", "caf\udce9"), strict=True):
        row["class"] = name
    text = table(result)
    assert r"\x1b[2J" in text and r"a\nb" in text and not CONTROLS.search(text)
    for output_format in ("csv", "jsonl"):
        for name in NAMES:
            for line in lines([{"path": name, "error": name}], output_format, 1):
                assert line.encode() and not CONTROLS.search(line) and len(line.splitlines()) == 1
