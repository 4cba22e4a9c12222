"""The house: what may import what, and which files belong together."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kerastricks"

FLOORS = [
    {"image", "keras_private"},
    {"optimizers", "data"},
    {"models"},
    {"training"},
    {"tricks", "diagnosis"},
    {"recipes"},
    {"report"},
    {"commands"},
    {"cli"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The modules of the package that a file imports, as dotted names below it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kerastricks"):
            base = (node.module or "").split(".")[1:]
            found |= {".".join([*base, *([] if base else [alias.name])]) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[2] for alias in node.names if alias.name.startswith("kerastricks.")}
    return found


@pytest.mark.parametrize("path", [p for p in SOURCES if p != PACKAGE / "__init__.py"], ids=str)
def test_imports_go_down(path):
    room = room_of(path)
    for name in imported(path):
        other = name.split(".")[0]
        assert other == room or FLOOR[other] < FLOOR[room], f"{path} imports {name}, which is not below it"


def test_every_room_has_a_floor():
    assert {room_of(path) for path in SOURCES} - {"__init__"} == set(FLOOR)


def test_tricks_import_no_sibling():
    for path in (PACKAGE / "tricks").glob("[!_]*.py"):
        assert not any(name.startswith("tricks") for name in imported(path)), path


def test_each_trick_has_source_test_and_card():
    sources = {path.stem for path in (PACKAGE / "tricks").glob("[!_]*.py")}
    assert sources == {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "tricks").glob("test_*.py")}
    assert sources == {path.stem for path in (ROOT / "docs" / "tricks").glob("[!_]*.md") if path.stem != "README"}


def test_files_stay_short():
    assert {str(path) for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) > 250} == set()
