import json
import math
import re
from pathlib import Path

import pytest

from kerastricks.commands.output import (
    check_writable,
    free_directory,
    next_free,
    of_output,
    reason,
    stream,
    write_json,
)

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


def test_a_directory_is_free_when_it_is_new_or_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert [free_directory(path) for path in (None, "new", "empty")] == [None, Path("new"), Path("empty")]
    (tmp_path / "empty" / "mine").touch()
    with pytest.raises(ValueError, match="empty is not empty. Pass another directory with --out, or remove it."):
        free_directory("empty")
    (tmp_path / "empty" / "run.json").touch()
    with pytest.raises(ValueError, match="empty holds a run"):
        free_directory("empty")
    with pytest.raises(ValueError, match="mine is a file. Pass a directory with --out"):
        free_directory("empty/mine")
    assert not (tmp_path / "new").exists() and not (tmp_path / "runs").exists()
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / ".lock").touch()
    assert free_directory("killed") == Path("killed")


def test_the_next_free_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "photos-1").mkdir(parents=True)
    assert next_free("photos") == Path("runs/photos-2")
    assert next_free("photos") == Path("runs/photos-3")  # it is made, so that nobody else gets it
    assert Path("runs/photos-3").is_dir()


def test_json_of_any_script(tmp_path):
    write_json(tmp_path / "x.json", {"name": "犬"})
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == '{\n  "name": "犬"\n}\n'


def test_json_has_no_nan(tmp_path):
    value = {"loss": math.nan, "runs": [{"loss": 1.0}, {"loss": -math.inf}], "pair": (0.5, math.inf), "notes": ["one"]}
    write_json(tmp_path / "x.json", value)
    assert json.loads((tmp_path / "x.json").read_text()) == {
        "loss": None,
        "runs": [{"loss": 1.0}, {"loss": None}],
        "pair": [0.5, None],
        "notes": ["one", "Not finite, and written as null: loss, runs[1].loss, pair[1]."],
    }
    assert math.isnan(value["loss"]) and value["notes"] == ["one"]
    write_json(tmp_path / "y.json", {"history": [math.nan] * 5})
    (line,) = json.loads((tmp_path / "y.json").read_text())["notes"]
    assert line == "Not finite, and written as null: history[0], history[1], history[2] and 2 more."


def test_names_that_are_not_utf_8_come_back(tmp_path):
    write_json(tmp_path / "x.json", {"path": "caf\udce9"})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {"path": "caf\udce9"}


def test_json_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"a": object()})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerastricks.data.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_json(tmp_path / "x.json", {"a": 2})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_reasons(tmp_path):
    full = OSError(28, "No space left on device")
    assert re.fullmatch(
        r"No space left on device \([0-9,]+ bytes are free there\)", reason(full, tmp_path / "new" / "x")
    )
    assert reason(OSError(13, "Permission denied"), tmp_path) == "Permission denied"
    assert reason(KeyError("x\ny"), tmp_path) == r"KeyError: 'x\ny'"
    assert reason(RuntimeError("one\ntwo."), tmp_path) == "RuntimeError: one two"


def test_a_stream_is_a_new_file_or_standard_output(tmp_path, capsys):
    path = tmp_path / "new" / "rows.csv"
    with stream(str(path)) as file:
        print("Größe", file=file)
    with stream(None) as file:
        print("there", file=file)
    assert (path.read_text(encoding="utf-8"), capsys.readouterr().out) == ("Größe\n", "there\n")
    with pytest.raises(FileExistsError), stream(str(path)):
        pass
    with pytest.raises(OSError) as caught, stream(str(tmp_path / "other.csv")):
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(tmp_path / "other.csv")
    assert not of_output(caught.value, __file__)


def test_what_fails_where_lines_are_printed_is_of_standard_output():
    with pytest.raises(OSError) as caught:
        raise OSError(28, "No space left on device")
    assert of_output(caught.value, __file__) and not of_output(caught.value, "another.py")
