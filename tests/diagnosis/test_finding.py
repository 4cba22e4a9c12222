import dataclasses

import pytest

from kerastricks.diagnosis.finding import Finding, Findings

pytestmark = pytest.mark.any_backend
ONE = Finding("lag", "It lags.", "31% left", "Wait <longer>.\x1b")


def test_text():
    assert str(ONE) == "lag\n  It lags.\n  evidence: 31% left\n  fix: Wait <longer>.\\x1b"
    assert str(Findings([ONE, ONE], ["data: gone"])).endswith("\n\n2 findings\nnot looked at: data: gone")
    assert repr(Findings([ONE])) == str(Findings([ONE])) and str(Findings()) == "nothing found"


def test_notebook():
    page = Findings([ONE], ["<data>"])._repr_html_()
    assert "<td>Wait &lt;longer&gt;.\\x1b</td>" in page and "not looked at: &lt;data&gt;" in page
    assert Findings()._repr_html_() == "<p>nothing found</p>"


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ONE.name = "other"
