import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kerastricks.training.evaluation import EvaluationBatches

NUMBERS = np.arange(10, dtype="uint8").reshape(10, 1, 1, 1)
LABELS = np.arange(10)


@given(st.integers(1, 12))
def test_evaluation_sees_each_sample_once_in_order(batch_size):
    source = EvaluationBatches(NUMBERS, LABELS, batch_size)
    assert np.concatenate([source[index][1] for index in range(len(source))]).tolist() == list(range(10))
