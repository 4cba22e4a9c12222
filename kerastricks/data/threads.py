"""Work shared out among threads, in order, in memory that does not grow with the work."""

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 64  # pieces of work that wait


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yields `function(item)` for each item, in order; a thread for each processor works on the next ones.

    Raises:
        Exception: What `function` raises; what has not begun by then is left undone.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    waiting: deque[Future[Result]] = deque()
    left = iter(items)
    try:
        waiting.extend(pool.submit(function, item) for item in itertools.islice(left, AHEAD))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in itertools.islice(left, 1))
    finally:
        pool.shutdown(cancel_futures=True)
