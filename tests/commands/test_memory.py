import numpy as np
import pytest

from kerastricks.commands import memory

pytestmark = pytest.mark.any_backend

LINUX = pytest.mark.skipif(not memory._RESET.exists(), reason="only Linux can count anew")


@LINUX
def test_sees_what_was_held_at_most():
    before = memory.reset_peak()
    held = np.ones(25_000_000)  # 200 MB, touched
    del held
    assert memory.peak() - before > 1e8


@LINUX
def test_counts_anew():
    held = np.ones(50_000_000)
    most = memory.peak()
    del held
    memory.reset_peak()
    assert memory.peak() < most - 2e8
