"""The table of changes that tests must notice is whole, and the one in docs/ is that of this code."""

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_backend
ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kerastricks"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "benchmarks" / "mutations.py"))


def test_every_trick_and_every_file_of_training_has_a_row(script):
    covered = {row.file for row in script["rows"]()}
    sources = {path for room in ("tricks", *script["ROOMS"]) for path in (PACKAGE / room).rglob("*.py")}
    needed = {str(path.relative_to(PACKAGE)) for path in sources if "def " in path.read_text(encoding="utf-8")}
    assert needed == covered


def test_knows_all_hooks(script):
    from kerastricks.training.trick import HOOKS

    assert set(script["HOOKS"]) == set(HOOKS)


def test_the_page_has_every_row_and_each_is_noticed(script):
    page = (ROOT / "docs" / "mutations.md").read_text(encoding="utf-8")
    shown = [line for line in page.splitlines() if line.startswith("|")][2:]
    wanted = [f"| {row.file} | {row.change} | " for row in script["rows"]()]
    assert len(shown) == len(wanted)
    for line, start in zip(shown, wanted, strict=True):
        assert line.startswith(start)
        assert int(line[len(start) :].split(" ", 1)[0]) > 0
