import numpy as np
import pytest

from kerastricks import data
from kerastricks.data.counts import balance, per_class


def test_counts_by_class():
    assert per_class(("a", "b", "c"), np.array([0, 0, 2])) == {"a": 2, "b": 0, "c": 1}


def test_of_data_the_images_to_train_on_count(tmp_path, fill):
    fill(tmp_path, {"train/a": 3, "train/b": 2, "val/a": 4, "val/b": 4})
    assert data.load(str(tmp_path)).counts() == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ({"Banana": 71, "Kiwi": 8, "Lemon": 30}, "images per class: 8 (Kiwi) to 71 (Banana), median 30"),
        ({"a": 1, "b": 2}, "images per class: 1 (a) to 2 (b), median 1.5"),
        ({"a": 1, "b": 5000, "c": 5000}, "images per class: 1 (a) to 5,000 (b), median 5,000"),
        ({"a": 30, "b": 30}, "30 images in each class"),
        ({"a": 1, "b": 1}, "1 image in each class"),
    ],
)
def test_the_balance_is_a_line(counts, line):
    assert balance(counts) == line
