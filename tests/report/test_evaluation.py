from kerastricks.report.evaluation import evaluation_page, table

NASTY = "<script>alert(1)</script>"


def test_the_table_stands_side_by_side(evaluated):
    lines = table(evaluated[0]).splitlines()
    assert lines[0].startswith(f"{NASTY}, test: 18 images, 3 classes, at 8 pixels")
    assert lines[1].split() == ["model.keras", "model_averaged.keras"]
    assert lines[2].startswith("right, %") and "88.89 (" in lines[2] and "94.44 (" in lines[2]
    assert lines[-1].startswith("worst classes of model_averaged.keras: cat 83.3 % of 6, dog 100.0 % of 6")


def test_one_model_needs_no_names(evaluated):
    result = evaluated[0]
    del result["models"]["model_averaged.keras"]
    assert "model.keras" not in table(result)


def test_the_page_shows_names_as_text(evaluated):
    html = evaluation_page(*evaluated)
    assert NASTY not in html and html.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 5
    assert html.count("<svg") == 2 * 3
    assert ": 88.89 and 94.44 % right</h1>" in html


def test_what_was_never_said_has_no_precision(evaluated):
    result = evaluated[0]
    result["models"]["model.keras"]["classes"][1]["precision"] = None
    assert "<tr><td>dog</td><td>6</td><td></td>" in evaluation_page(*evaluated)
