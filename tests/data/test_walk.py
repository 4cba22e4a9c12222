import json
import os
import socket
import time

import numpy as np
import pytest

from kerastricks import data
from kerastricks.data.names import shown
from kerastricks.data.walk import files_below, walk


@pytest.fixture
def root(tmp_path, paint):
    """Two cats and two dogs."""
    for name in ("cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"):
        paint(tmp_path / "pets" / name)
    return tmp_path / "pets"


@pytest.fixture
def paint(save):
    return save


def found(root):
    """The files by folder, as paths below the root."""
    return {top: sorted(os.path.relpath(path, root) for path in paths) for top, paths in walk(str(root)).files.items()}


PETS = {"cat": ["cat/0.png", "cat/1.png"], "dog": ["dog/0.png", "dog/1.png"]}


def test_pipes_and_sockets_are_passed_over_with_a_note(root):
    os.mkfifo(root / "cat" / "x.jpg")
    os.mkfifo(root / "y.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(root / "dog" / "z.jpg"))
        loaded = data.load(str(root))
    assert len(loaded.train[1]) + len(loaded.validation[1]) == 4
    assert loaded.notes == ("Passed over, for it is no ordinary file: cat/x.jpg, dog/z.jpg, y.jpg.",)


@pytest.mark.parametrize(
    ("link", "target"),
    [("loop", "."), ("cat/loop", ".."), ("cat/loop", "."), ("up", "../.."), ("kitty", "cat"), ("cat/more", "../dog")],
)
def test_a_link_to_what_is_read_anyhow_is_not_followed(root, link, target):
    (root / link).symlink_to(target)
    assert found(root) == PETS
    assert data.load(str(root)).notes == (f"Not followed, for the link leads to a folder already read: {link}.",)


@pytest.mark.parametrize("link", ["loop", "cat/loop", "cat/loop.jpg"])
def test_a_link_to_itself_is_passed_over(root, link):
    (root / link).symlink_to(link.rpartition("/")[2])
    assert data.load(str(root)).notes == (f"Passed over, for it is no ordinary file: {link}.",)


def test_a_link_to_a_folder_of_images_is_followed_once(root, paint):
    paint(root.parent / "elsewhere" / "2.png")
    paint(root.parent / "elsewhere" / "deep" / "3.png")
    (root.parent / "elsewhere" / "back").symlink_to(root)
    (root / "bird").symlink_to("../elsewhere")
    (root / "cat" / "more").symlink_to("../../elsewhere/deep")
    assert found(root) == {**PETS, "bird": ["bird/2.png", "bird/deep/3.png"]}
    assert sorted(walk(str(root)).not_followed) == [str(root / "bird/back"), str(root / "cat/more")]


def test_a_link_to_an_image_is_an_image_and_one_to_nowhere_is_refused_by_name(root):
    (root / "cat" / "2.png").symlink_to("0.png")
    assert len(found(root)["cat"]) == 3
    (root / "cat" / "gone.png").symlink_to("nowhere")
    with pytest.raises(ValueError, match="Cannot read .*cat/gone.png: No such file or directory. Remove the file"):
        data.load(str(root))


def test_hidden_folders_are_skipped_at_any_depth(root, paint):
    paint(root / "cat" / ".ipynb_checkpoints" / "0.png")
    paint(root / "cat" / "__MACOSX" / "0.png")
    assert found(root) == PETS


def test_a_deeper_tree_is_said(root, paint):
    paint(root / "cat" / "tabby" / "2.png")
    paint(root / "dog" / "pug" / "small" / "2.png")
    loaded = data.load(str(root))
    assert loaded.classes == ("cat", "dog")
    expected = (
        "The classes are the first level below pets/; files that lie deeper, such as in cat/tabby, count to the folder "
        "of that level. Pass --deepest (`deepest=True`) to make a class of each folder that holds images."
    )
    assert loaded.notes == (expected,)


def test_each_folder_with_files_of_its_own_counts_where_the_deepest_are_asked_for(root, paint):
    paint(root / "dog" / "pug" / "small" / "2.png")
    paint(root.parent / "elsewhere" / "deep" / "3.png")
    (root / "bird").symlink_to("../elsewhere")
    (root / "cat" / "none").mkdir()
    files = walk(str(root), deepest=True).files
    counts = {name: len(paths) for name, paths in files.items()}
    assert counts == {"cat": 2, "cat/none": 0, "dog": 2, "dog/pug/small": 1, "bird/deep": 1}
    assert walk(str(root), deepest=True).notes() == []


def test_names_that_are_not_utf_8_are_shown_escaped(tmp_path, paint):
    root = tmp_path / os.fsdecode(b"caf\xe9")
    for name in (b"\xff", b"th\xe9"):
        for index in range(2):
            paint(root / os.fsdecode(name) / f"{os.fsdecode(name)}{index}.png")
    loaded = data.load(str(root))
    assert (loaded.name, loaded.classes) == ("caf\\udce9", ("th\\udce9", "\\udcff"))
    json.dumps(loaded.classes, ensure_ascii=False).encode()
    assert loaded.train[0][np.array([0])].shape == (1, 4, 4, 3)
    (root / os.fsdecode(b"\xff") / "notes.jpg").write_text("no image")
    with pytest.raises(ValueError) as caught:
        data.load(str(root))
    assert "caf\\udce9/\\udcff/notes.jpg: it is no image" in str(caught.value)
    assert str(caught.value).encode()


def test_ordinary_names_are_shown_as_they_are():
    assert shown("ünï/日本.png") == "ünï/日本.png"


def test_a_folder_that_cannot_be_listed_is_named(root, monkeypatch):
    listed = os.scandir

    def refuse(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ValueError, match="Cannot list .*pets/dog: Permission denied"):
        data.load(str(root))


def test_files_are_neither_opened_nor_looked_up(tmp_path, monkeypatch):
    """20,000 files take a few hundredths of a second; the system is asked for folders alone."""
    for top in "ab":
        (tmp_path / top).mkdir()
        for index in range(10_000):
            (tmp_path / top / f"{index}.jpg").touch()
    asked = []
    status = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **options: asked.append(path) or status(path, **options))
    start = time.process_time()
    assert {top: len(paths) for top, paths in walk(str(tmp_path)).files.items()} == {"a": 10_000, "b": 10_000}
    assert time.process_time() - start < 2
    assert len([path for path in asked if str(path).startswith(str(tmp_path))]) < 20


def test_files_below_a_folder_by_name(root, paint):
    paint(root / "0.png")
    paint(root / "dog" / "young" / "0.png")
    paint(root / ".hidden" / "0.png")
    (root / "dog" / "Thumbs.db").touch()
    (root / "ant").symlink_to(root)  # leads back to where it lies
    (root / "elk").symlink_to(root / "dog" / "young", target_is_directory=True)
    below = [os.path.relpath(path, root) for path in files_below(str(root))]
    assert below == ["0.png", *PETS["cat"], *PETS["dog"], "dog/young/0.png"]


def test_a_folder_is_read_when_it_is_reached(root, paint):
    paths = files_below(str(root))
    assert next(paths).endswith("cat/0.png")
    paint(root / "dog" / "00.png")
    assert [os.path.relpath(path, root) for path in paths] == ["cat/1.png", "dog/0.png", "dog/00.png", "dog/1.png"]


def test_an_empty_folder_with_the_name_of_an_image_is_passed_over(root, paint):
    (root / "cat" / "x.JPG").mkdir()
    (root / "y.png").mkdir()
    paint(root / "dog" / "z.jpg" / "0.png")
    expected = "Passed over, for it is an empty folder with the name of an image: cat/x.JPG, y.png."
    assert expected in data.load(str(root)).notes
    assert list(found(root)) == ["cat", "dog"]
    assert walk(str(root), deepest=True).notes() == [expected]
    assert list(walk(str(root), deepest=True).files) == ["cat", "dog", "dog/z.jpg"]


def test_devices_are_passed_over(root):
    for name, device in (("null.jpg", "/dev/null"), ("zero.png", "/dev/zero")):
        (root / "cat" / name).symlink_to(device)
    assert data.load(str(root)).notes == ("Passed over, for it is no ordinary file: cat/null.jpg, cat/zero.png.",)
