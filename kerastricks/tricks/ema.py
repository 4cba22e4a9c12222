"""The weights averaged over the last steps."""

import dataclasses

from keras import ops

from kerastricks.training.averages import Averages
from kerastricks.training.trick import Trick


def momentum_at(updates, momentum):
    """Returns the momentum after `updates` updates: small at first, so that the start is soon forgotten."""
    return ops.minimum(momentum, (1 + updates) / (10 + updates))


@dataclasses.dataclass(frozen=True)
class EMA(Trick):
    """Keeps an exponential moving average of the weights beside them, batch statistics included.

        average = m * average + (1 - m) * weight,  m = min(momentum, (1 + updates) / (10 + updates))

    Training goes on as without it: the average is a copy of its own. Validation evaluates both, the averaged weights
    as `averaged_accuracy` and `averaged_loss`; `with history.model.averaged():` lends them to the model.

    Args:
        momentum: Share of the average that an update leaves, above 0 and below 1: 0.99 spans a hundred updates.

    Raises:
        ValueError: If `momentum` is out of its range.

    Reference: Polyak & Juditsky, 1992, doi:10.1137/0330046; the warmup is TensorFlow's.
    """

    momentum: float = 0.999

    def __post_init__(self):
        if not 0 < self.momentum < 1:
            raise ValueError(f"`momentum` must lie between 0 and 1, both excluded. Received: momentum={self.momentum}")

    def averages(self, model, plan):
        return Averages(model, lambda updates: momentum_at(updates, self.momentum))
