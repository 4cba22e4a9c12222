import pytest

from kerastricks.commands import recipes


def test_every_shipped_recipe_loads():
    assert {"baseline", "tutorial"} <= set(recipes.shipped())
    for name in recipes.shipped():
        assert recipes.find(name).optimizer is not None


def test_names_the_nearest():
    with pytest.raises(ValueError, match="Unknown recipe 'tutrial'. Did you mean tutorial"):
        recipes.find("tutrial")


def test_reads_a_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.Warmup(1),))\n")
    assert recipes.find(str(path)).names == ["Warmup"]


def test_a_file_that_raises_shows_its_own_traceback(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import kerastricks as kt\nrecipe = kt.Recipe((kt.Warmup(-1),))\n")
    with pytest.raises(
        ValueError, match=r'mine.py raised:\n  File ".*mine.py", line 2(.|\n)*must be positive'
    ) as caught:
        recipes.find(str(path))
    assert "tricks/warmup.py" not in str(caught.value)


@pytest.mark.parametrize(("text", "received"), [("", "NoneType"), ("recipe = 3", "int")])
def test_a_file_must_hold_a_recipe(tmp_path, text, received):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"must hold `recipe.*Received: {received}"):
        recipes.find(str(path))


def test_refuses_a_file_that_is_not_there():
    with pytest.raises(ValueError, match=r"There is no recipe file none.py"):
        recipes.find("none.py")
