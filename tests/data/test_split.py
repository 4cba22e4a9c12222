import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerastricks.data.split import stratified_split


@given(st.lists(st.integers(2, 30), min_size=1, max_size=5), st.integers(0, 9))
def test_splits_every_class_in_two(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    train, validation = stratified_split(labels, seed)
    assert sorted([*train, *validation]) == list(range(len(labels)))
    for label, count in enumerate(counts):
        assert (labels[validation] == label).sum() == min(max(1, round(0.2 * count)), count - 1)


def test_refuses_a_class_of_one():
    with pytest.raises(ValueError, match="Class 1 has a single sample"):
        stratified_split(np.array([0, 0, 1]), 0)
