"""What the doctor says: findings, each with a reason, evidence and a fix."""

import dataclasses
import html
import textwrap
from collections.abc import Iterable

from kerastricks.data.names import shown


@dataclasses.dataclass(frozen=True)
class Finding:
    """A fault that raises no error.

    Attributes:
        name: What it is called.
        reason: Why it is a fault, in a sentence.
        evidence: What was seen, with a number.
        fix: What to do.
    """

    name: str
    reason: str
    evidence: str
    fix: str

    def __str__(self):
        parts = [("", self.reason), ("evidence: ", self.evidence), ("fix: ", self.fix)]
        lines = [
            textwrap.fill(
                shown(f"{title}{text}"), 110, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
            )
            for title, text in parts
        ]
        return "\n".join([shown(self.name), *lines])


class Findings(list):
    """A list of findings that prints as text, and as a table in a notebook.

    Args:
        findings: The findings.
        unseen: What could not be looked at, each with the reason.
    """

    def __init__(self, findings: Iterable[Finding] = (), unseen: Iterable[str] = ()):
        super().__init__(findings)
        self.unseen = tuple(unseen)

    def __str__(self):
        count = f"{len(self)} finding{'s' * (len(self) > 1)}" if self else "nothing found"
        unseen = [f"not looked at: {shown(one)}" for one in self.unseen]
        return "\n\n".join([*map(str, self), "\n".join([count, *unseen])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            "".join(f"<td>{html.escape(shown(value))}</td>" for value in dataclasses.astuple(finding))
            for finding in self
        ]
        head = "".join(f"<th>{field.name}</th>" for field in dataclasses.fields(Finding))
        unseen = "".join(f"<p>not looked at: {html.escape(shown(one))}</p>" for one in self.unseen)
        table = f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
        return (table if self else "<p>nothing found</p>") + unseen
