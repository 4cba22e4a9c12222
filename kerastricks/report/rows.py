"""The rows of `kerastricks predict` as lines of CSV or of JSON."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kerastricks.data.names import shown

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def columns(top: int) -> list[str]:
    """Returns the columns of CSV: the path, name and probability of each of the `top` classes, and the error."""
    ends = ["", *(f"_{place}" for place in range(2, top + 1))]
    return ["path", *(f"{name}{end}" for end in ends for name in ("label", "probability")), "error"]


def lines(rows: Iterable[Mapping[str, Any]], output_format: str, top: int) -> Iterator[str]:
    """Yields a line for each row as it comes, for CSV a line of names before; without their ends.

    Probabilities have six decimals. In CSV a text that a spreadsheet would take for a formula gets a `'` before it.

    Args:
        rows: What `kerastricks.commands.predict.predict` returns.
        output_format: `csv` or `jsonl`.
        top: Number of classes in a row.
    """
    if output_format == "jsonl":
        yield from (
            json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False) for row in rows
        )
        return
    names = columns(top)
    yield _csv(names)
    yield from (_csv([_cell(row.get(name, "")) for name in names]) for row in rows)


def _plain(value: Any) -> Any:
    return shown(value) if isinstance(value, str) else round(value, 6)


def _cell(value: Any) -> str:
    if not isinstance(value, str):
        return f"{value:.6f}"
    return f"'{shown(value)}" if value.startswith(_FORMULA) else shown(value)


def _csv(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)  # whose characters it quotes
    return stream.getvalue().removesuffix("\r\n")
