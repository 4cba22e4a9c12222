from kerastricks.data.listing import ALL, Listing, lacking

SPLITS = {"train": {"b": ["b0", "b1"], "a": ["a0"]}, "test": {"c": [], "a": ["t0", "t1"]}}
LISTING = Listing("root", SPLITS, {"train": "train/", "test": "test/"}, [])


def test_files_come_split_by_split_and_class_by_class():
    assert LISTING.paths == ["b0", "b1", "a0", "t0", "t1"]
    assert LISTING.rows("train").tolist() == [0, 1, 2]
    assert LISTING.rows("test").tolist() == [3, 4]


def test_labels_number_the_classes_that_are_given():
    assert LISTING.labels("train", ["b", "a"]).tolist() == [0, 0, 1]
    assert LISTING.labels("train", ["x", "a", "b"]).tolist() == [2, 2, 1]
    assert LISTING.labels("test", ["b", "a"]).tolist() == [1, 1]
    assert LISTING.labels("test", ["a"]).dtype == "int32"


def test_a_class_without_files_is_not_there():
    assert (LISTING.classes("train"), LISTING.classes("test")) == (["b", "a"], ["a"])


def test_classes_that_are_lacking_are_said():
    assert lacking("val/", "abc", "abc") == []
    assert lacking("val/", "ab", "abc") == ["val/ lacks 1 of the 3 classes, c: it is not scored."]
    assert lacking("val/", "a", "abcd") == ["val/ lacks 3 of the 4 classes, b, c, d: they are not scored."]
    assert lacking("val/", "a", "abcde") == ["val/ lacks 4 of the 5 classes, such as b, c, d: they are not scored."]


def test_without_some_files_classes_stay():
    listing = Listing("x", {"train": {"a": ["a0", "a1"], "b": ["b0"]}, "test": {"a": ["t0"]}}, {}, [])
    left = listing.without({"a0", "b0"})
    assert left.splits == {"train": {"a": ["a1"], "b": []}, "test": {"a": ["t0"]}}
    assert (listing.whole, left.paths, listing.paths) == ("train", ["a1", "t0"], ["a0", "a1", "b0", "t0"])
    assert Listing("x", {ALL: {}}, {}, []).whole == ALL
