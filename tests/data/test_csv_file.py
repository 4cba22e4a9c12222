import os

import numpy as np
import pytest

from kerastricks import data
from kerastricks.data.csv_file import read_csv


@pytest.fixture
def table(tmp_path, fill):
    """Returns a function that writes a CSV file beside five cats and five dogs."""
    fill(tmp_path, {"img/cat": 5, "img/dog": 5})

    def write(*lines, encoding="utf-8"):
        (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n", encoding=encoding)
        return str(tmp_path / "labels.csv")

    return write


def rows(*ends):
    """A row for each cat and dog, with so many more fields."""
    return [f"img/{label}/{n}.png,{label}{''.join(ends)}" for label in ("dog", "cat") for n in range(5)]


@pytest.mark.parametrize(
    "header", ["path,label", "file,class", "filename,label", "image,class", "Path, Label", "\ufeffpath,label"]
)
def test_lists_paths_and_labels(table, tmp_path, header):
    loaded = data.load(table(header, *rows()))
    assert (loaded.name, loaded.classes, loaded.image_shape) == ("labels", ("cat", "dog"), (4, 4, 3))
    assert (loaded.train[1].tolist(), loaded.validation[1].tolist()) == ([0] * 4 + [1] * 4, [0, 1])
    assert (loaded.own_split, loaded.validation_from) == (False, "a fifth of the images, chosen by the seed")
    files = read_csv(table(header, *rows())).splits["all"]["dog"]
    assert files == [os.path.join(tmp_path, "img/dog", f"{n}.png") for n in range(5)]


def test_columns_may_stand_in_any_order_among_others_and_fields_in_quotes(table):
    lines = [f'{n},"cat, tabby" ,x,img/cat/{n}.png' for n in range(5)]
    lines += [f"{n},dog,x,img/dog/{n}.png" for n in range(5)]
    assert data.load(table("id,label,note,file", *lines, "")).classes == ("cat, tabby", "dog")


def test_rows_may_tell_their_split(table):
    """Of five each, three are to train on, one to validate and one to test."""
    splits = ["train", "Training", "TRAIN", "val", "test"] * 2
    lines = [f"{row},{split}" for row, split in zip(rows(), splits, strict=True)]
    loaded = data.load(table("path,label,split", *lines))
    assert [labels.tolist() for _, labels in (loaded.train, loaded.validation, loaded.test)] == [
        [0, 0, 0, 1, 1, 1],
        [0, 1],
        [0, 1],
    ]
    assert (loaded.own_split, loaded.validation_from) == (True, "split val")


def test_without_rows_to_validate_the_seed_chooses(table):
    lines = rows(",train")[:4] + rows(",train")[5:9] + [rows(",test")[4], rows(",test")[9]]
    loaded = data.load(table("path,label,split", *lines))
    assert [len(labels) for _, labels in (loaded.train, loaded.validation, loaded.test)] == [6, 2, 2]
    assert (loaded.own_split, loaded.validation_from) == (False, "a fifth of split train, chosen by the seed")


def test_names_that_are_no_text_are_shown_escaped(table, tmp_path):
    for label in ("caf\udce9", "dog"):
        for n in range(2):
            os.link(tmp_path / "img" / "dog" / f"{n}.png", os.fsencode(str(tmp_path / f"{label}{n}.png")))
    path = table("path,label")
    with open(path, "ab") as file:
        file.write(b"caf\xe90.png,caf\xe9\ncaf\xe91.png,caf\xe9\ndog0.png,dog\ndog1.png,dog\n")
    loaded = data.load(path)
    assert (loaded.classes, loaded.train[0][np.arange(2)].shape) == (("caf\\udce9", "dog"), (2, 4, 4, 3))


HEADER = r"labels.csv has no header .* Expected a first line such as path,label or path,label,split .* Received: "


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["img/cat/0.png,cat"], HEADER + "img/cat/0.png,cat$"),
        (["path;label"], HEADER + "path;label$"),
        (["path,name"], HEADER + "path,name$"),
        (["x" * 100], HEADER + "x{80}…$"),
        ([], HEADER + "$"),
        (["path,label"], "labels.csv lists no images"),
        (["path,label", "img/cat/0.png"], "labels.csv, line 2: expected 2 fields, as in the header. Received: 1$"),
        (["path,label", "a,b.png,cat"], "labels.csv, line 2: expected 2 fields, as in the header. Received: 3$"),
        (["path,label", "", "img/cat/0.png, "], "line 3: the column 'label' is empty"),
        (["path,label", ",cat"], "line 2: the column 'path' is empty"),
        (["path,label,split", "a.png,cat,trian"], "line 2: the split must be one of train, .* Received: 'trian'$"),
        (["path,label,split", "a.png,cat,"], "line 2: the split must be one of .* Received: ''$"),
        (["path,label", *rows(), "img/cat/0.png,dog"], "labels.csv lists img/cat/0.png twice"),
        (
            ["path,label", *rows(), "x.png,dog"],
            "lists files that do not exist, 1 of 11: x.png. Paths must be relative to",
        ),
        (
            ["path,label", *rows(), *(f"{n}.png,dog" for n in range(1000, 3000))],
            "do not exist, 2,000 of 2,010: 1000.png, 1001.png, 1002.png and 1,997 more. Paths must be",
        ),
        (["path,label", *rows()[:5]], "labels.csv has one class, 'dog'"),
        (["path,label,split", *rows(",test")], "labels.csv has no images to train on. Received: split test"),
        (["path,label", f'"{"x" * 200_000}",cat'], r"labels.csv, line 2: field larger than field limit"),
    ],
)
def test_names_what_is_wrong(table, lines, message):
    path = table(*lines)
    with pytest.raises(ValueError, match=message) as caught:
        data.load(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_has_no_header(table, tmp_path):
    path = table("")
    with open(path, "wb") as file:
        file.write(b"\xff\xfep\0a\0t\0h\0,\0")
    with pytest.raises(ValueError, match=HEADER):
        data.load(path)
