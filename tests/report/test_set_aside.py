from kerastricks.report import set_aside as module
from kerastricks.report.set_aside import left_out

NASTY = "<script>alert(1)</script>"


def test_bad_files_are_listed_as_text(training):
    html = training(set_aside=[(f"cat/{NASTY}.jpg", "it is no image"), ("dog/a\nb.jpg", "it is <b>")])
    assert "<p>2 bad files: neither trained on nor judged by.\n</p>" in html
    assert "<td>cat/&lt;script&gt;alert(1)&lt;/script&gt;.jpg</td><td>it is no image</td>" in html
    assert "<td>dog/a\\nb.jpg</td><td>it is &lt;b&gt;</td>" in html


def test_without_bad_files_nothing_is_said(training):
    assert "left out" not in training()


def test_the_table_has_an_end(training, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    table = left_out([("a", "x"), ("b", "x"), ("c", "x")])
    assert (table.rows, table.total) == ([("a", "x"), ("b", "x")], 3)
    html = training(set_aside=[("a", "x"), ("b", "x"), ("c", "x")])
    assert "3 bad files" in html and "The first 2 of them:" in html
