import pytest

from kerastricks.data.source import name_of, read


def test_a_folder_is_a_folder_whatever_its_name(tmp_path, fill):
    fill(tmp_path / "a.csv", {"x": 1, "y": 1})
    assert list(read(str(tmp_path / "a.csv")).splits["all"]) == ["x", "y"]
    assert name_of(str(tmp_path / "a.csv")) == "a.csv"


def test_a_csv_file_is_known_by_its_end(tmp_path, fill):
    fill(tmp_path, {"x": 1})
    for name in ("a.csv", "b.CSV"):
        (tmp_path / name).write_text("path,label\nx/0.png,z\n")
        assert list(read(str(tmp_path / name)).splits["all"]) == ["z"]
        assert name_of(str(tmp_path / name)) == name[0]
    with pytest.raises(ValueError, match="`deepest` is for folders. Received: deepest=True with .*a.csv"):
        read(str(tmp_path / "a.csv"), deepest=True)


def test_paths_beside_the_process_are_relative_to_the_csv_file(tmp_path, fill, monkeypatch):
    fill(tmp_path, {"x": 1})
    (tmp_path / "a.csv").write_text("path,label\nx/0.png,z\n")
    monkeypatch.chdir(tmp_path)
    assert read("a.csv").paths == ["x/0.png"]
    with pytest.raises(ValueError, match="Paths must be relative to ., the folder of the CSV file"):
        (tmp_path / "a.csv").write_text("path,label\n0.png,z\n")
        read("a.csv")


@pytest.mark.parametrize(
    ("name", "what"), [("gone.csv", "does not exist"), ("gone", "does not exist"), ("it", "is a file")]
)
def test_anything_else_is_refused(tmp_path, name, what):
    (tmp_path / "it").touch()
    with pytest.raises(ValueError, match=f"{name} {what}. Pass `digits`, a folder .*, or a .csv file"):
        read(str(tmp_path / name))
