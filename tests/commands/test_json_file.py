import pytest

from kerastricks.commands.json_file import known, read

pytestmark = pytest.mark.any_backend


def test_reads_an_object(tmp_path):
    (tmp_path / "run.json").write_text('{"data": "Äpfel"}', encoding="utf-8")
    assert read(tmp_path / "run.json") == known(tmp_path / "run.json") == {"data": "Äpfel"}


@pytest.mark.parametrize("content", [b"[1]", b"{", b"", b"null", b"\xff\xfe\x00"])
def test_a_damaged_file_is_told_or_says_nothing(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="^run.json holds no JSON object$"):
        read(path)
    assert known(path) == {}


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "run.json")
    assert known(tmp_path / "run.json") == {}
