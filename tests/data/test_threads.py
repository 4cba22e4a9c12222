import threading
import time

import pytest

from kerastricks.data import threads
from kerastricks.data.threads import each


def test_results_come_in_order():
    def slow_if_even(item):
        time.sleep(0.01 * (item % 2 == 0))
        return 10 * item

    assert list(each(slow_if_even, range(8))) == [0, 10, 20, 30, 40, 50, 60, 70]
    assert list(each(slow_if_even, [])) == []


def test_few_items_are_taken_ahead(monkeypatch):
    monkeypatch.setattr(threads, "AHEAD", 3)
    taken = []
    results = each(lambda item: item, (taken.append(item) or item for item in range(100)))
    assert (next(results), len(taken)) == (0, 3)
    assert (next(results), len(taken)) == (1, 4)
    results.close()


def test_an_error_ends_the_work():
    before = set(threading.enumerate())

    def refuse(item):
        if item == 2:
            raise KeyError(item)
        return item

    with pytest.raises(KeyError, match="2"):
        list(each(refuse, range(1000)))
    assert set(threading.enumerate()) <= before
