from pathlib import Path

import pytest

from kerastricks.commands.output import check_writable

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize("place", ["", "new", "new/deep/er"])
def test_leaves_nothing_behind(tmp_path, place):
    check_writable(tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def test_below_a_file_and_too_long_and_read_only(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"Nothing can be written in .*below: Not a directory. .* with --json"):
        check_writable(tmp_path / "file" / "below", "--json")
    with pytest.raises(ValueError, match=r"File name too long. Pass another place with --out"):
        check_writable(tmp_path / ("x" * 300))
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    with pytest.raises(ValueError, match="Read-only file system"):
        check_writable(tmp_path / "new")
