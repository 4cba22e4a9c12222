"""The rows of `kerastricks predict` as lines of CSV or of JSON."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kerastricks.data.names import shown

_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# What a spreadsheet takes for the beginning of a formula, the last four from keyboards of East Asia.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def columns(top: int) -> list[str]:
    """Returns the columns of CSV: the path, name and probability of each of the `top` classes, and the error."""
    ends = ["", *(f"_{place}" for place in range(2, top + 1))]
    return ["path", *(f"{name}{end}" for end in ends for name in ("label", "probability")), "error"]


def lines(rows: Iterable[Mapping[str, Any]], output_format: str, top: int) -> Iterator[str]:
    """Yields a line for each row as it comes, for CSV a line of names before; without their ends.

    Probabilities have six decimals. In CSV a text that a spreadsheet would take for a formula gets a `'` before it, and
    control characters are escaped; in JSON names are exact, but for bytes that are not UTF-8.

    Args:
        rows: What `kerastricks.commands.predict.predict` returns.
        output_format: `csv` or `jsonl`.
        top: Number of classes in a row.
    """
    if output_format == "jsonl":
        yield from map(_json, rows)
        return
    names = columns(top)
    yield _csv(names)
    yield from (_csv([_cell(row.get(name, "")) for name in names]) for row in rows)


def _json(row: Mapping[str, Any]) -> str:
    plain = {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else round(value, 6)
        for name, value in row.items()
    }
    # JSON leaves these as they are, and a terminal does not.
    return _CONTROLS.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(plain, ensure_ascii=False, allow_nan=False)
    )


def harmless(text: str) -> str:
    """Returns a text as a cell of CSV: on one line, and with a `'` before what a spreadsheet takes for a formula."""
    return f"'{shown(text)}" if text.startswith(_FORMULA) else shown(text)


def _cell(value: Any) -> str:
    return harmless(value) if isinstance(value, str) else f"{value:.6f}"


def _csv(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)  # whose characters it quotes
    return stream.getvalue().removesuffix("\r\n")
