"""A learning rate far from the finder's."""

from collections.abc import Iterator

import numpy as np
from keras import ops

from kerastricks.diagnosis.case import Case
from kerastricks.diagnosis.finding import Finding
from kerastricks.diagnosis.schedule import rates, schedule_of

FAR = 30.0  # times


def far_rate(case: Case) -> Iterator[Finding]:
    """A learning rate that is 30 times above or below all that the finder suggests."""
    if case.rates is None or case.optimizer is None:
        return
    schedule = schedule_of(case.optimizer)
    if schedule is None:
        rate = float(ops.convert_to_numpy(case.optimizer.learning_rate))
    else:
        rate = max(rates(schedule, np.linspace(0, (case.steps or 10_000) - 1, 50).astype(int).tolist()) or [0.0])
    lowest, highest = case.rates
    if rate > 0 and (rate > FAR * highest or rate < lowest / FAR):
        near = highest if rate > highest else lowest
        times = max(rate / near, near / rate)
        yield Finding(
            f"learning rate too {'high' if rate > highest else 'low'}",
            "The rate is far from those at which the loss falls fastest.",
            f"{rate:.2g}, {times:,.0f} times {'above' if rate > highest else 'below'} the finder's {near:.2g}",
            f"Begin with a learning rate of {near:.2g}; `kt.lr_find` draws the sweep.",
        )
