"""An exponential moving average of the weights."""

import dataclasses

from keras import ops

from kerastricks.training.averages import Averages
from kerastricks.training.trick import Trick


def momentum_at(updates, momentum):
    """Returns the momentum after `updates` updates: small at first, so that the initial weights are soon forgotten."""
    return ops.minimum(momentum, (1 + updates) / (10 + updates))


@dataclasses.dataclass(frozen=True)
class EMA(Trick):
    """Keeps an exponential moving average of all weights, moving statistics included.

        average = m * average + (1 - m) * weight,  m = min(momentum, (1 + updates) / (10 + updates))

    Training itself is unchanged: the average is a separate copy. Validation evaluates both, the averaged weights
    as `averaged_accuracy` and `averaged_loss`; the model holds them within `with history.model.averaged():`.

    Args:
        momentum: Momentum of the average, above 0 and below 1; 0.99 averages over about a hundred updates.

    Raises:
        ValueError: If `momentum` is out of its range.

    Reference: Polyak & Juditsky, 1992, doi:10.1137/0330046; the growing momentum is TensorFlow's.
    """

    momentum: float = 0.999

    def __post_init__(self):
        if not 0 < self.momentum < 1:
            raise ValueError(f"`momentum` must lie between 0 and 1, both excluded. Received: momentum={self.momentum}")

    def averages(self, model, plan):
        return Averages(model, lambda updates: momentum_at(updates, self.momentum))
