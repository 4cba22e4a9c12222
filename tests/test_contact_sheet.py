"""The sheet of docs/augmentation.png, made again in small."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parents[1]
SIDE = 32


@pytest.fixture(scope="module")
def contact_sheet():
    spec = importlib.util.spec_from_file_location("contact_sheet", ROOT / "benchmarks" / "contact_sheet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_row_differs_from_the_photograph_and_from_the_others(contact_sheet):
    image, other = (contact_sheet.photograph(f"{name}.jpg", SIDE) for name in ("flower", "china"))
    tricks = contact_sheet.rows(SIDE)
    rows = {name: contact_sheet.drawn(trick, image, other) for name, trick in tricks.items()}
    for name, row in rows.items():
        assert row.shape == (8, SIDE, SIDE, 3)
        assert np.isfinite(row).all()
        assert len({draw.tobytes() for draw in row}) > (1 if name == "RandomFlip" else 4), name
        assert any(not np.array_equal(draw, image) for draw in row), name
    assert len({row.tobytes() for row in rows.values()}) == len(rows) == 10


def test_the_sheet_has_a_row_a_trick_and_is_the_same_again(contact_sheet):
    sheet = contact_sheet.sheet(SIDE)
    assert sheet.height == 10 * (SIDE + 4) + 4
    assert sheet.tobytes() == contact_sheet.sheet(SIDE).tobytes()


def test_the_sheet_of_the_docs_is_small_and_of_that_form():
    path = ROOT / "docs" / "augmentation.png"
    assert path.stat().st_size < 600_000
    with Image.open(path) as sheet:
        assert sheet.height == 10 * (128 + 4) + 4
