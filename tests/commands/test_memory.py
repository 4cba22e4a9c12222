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


def test_what_is_left_is_the_least_of_what_is_said(tmp_path, monkeypatch):
    """The kernel says 3 GB, a container leaves 2 of its 5."""
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable: 3000000 kB\n")
    (tmp_path / "max").write_text("5000000000\n")
    (tmp_path / "current").write_text("3000000000\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_LIMITS", ())
    assert memory.available() == 3_072_000_000
    monkeypatch.setattr(
        memory, "_LIMITS", ((tmp_path / "max", tmp_path / "current"), (tmp_path / "no", tmp_path / "no"))
    )
    assert memory.available() == 2_000_000_000
    (tmp_path / "memory.stat").write_text("anon 7\ninactive_file 500000000\n")  # files that it gives up
    assert memory.available() == 2_500_000_000
    (tmp_path / "max").write_text("max\n")  # no limit
    assert memory.available() == 3_072_000_000
