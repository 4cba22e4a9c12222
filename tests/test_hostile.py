"""A folder of hostile files and names, the one of benchmarks/hostile.py in small."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.any_backend, pytest.mark.slow]

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def hostile():
    spec = importlib.util.spec_from_file_location("hostile", ROOT / "benchmarks" / "hostile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be made there")
def test_sixty_files_of_all_kinds(hostile, tmp_path):
    faults, line = hostile.check(tmp_path, 60, seed=1)
    assert faults == []
    assert line.startswith("| 60 hostile files, seed 1 |")


def test_the_tree_holds_every_kind_and_every_class(hostile, tmp_path):
    made = hostile.make(tmp_path, 200, seed=0)
    assert len(made.good) + len(made.bad) + len(made.either) == 200
    assert len(made.bad) >= len(hostile.BAD) and len(made.either) >= len(hostile.EITHER)
    assert sorted(os.listdir(os.fsencode(tmp_path))) == sorted(hostile.CLASSES)
    assert max(len(os.path.basename(os.fsencode(path))) for path in made.good) == 255


def test_a_change_of_the_folder_is_noticed(hostile, tmp_path):
    hostile.make(tmp_path, 60, seed=0)
    before = hostile.digest(tmp_path)
    assert hostile.digest(tmp_path) == before
    path = next(path for path in tmp_path.rglob("*") if path.is_file())
    os.utime(path, (1, 1))
    assert hostile.digest(tmp_path) != before
