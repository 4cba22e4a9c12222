"""The learning rate falls along half a cosine."""

import dataclasses

import keras

from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class CosineDecay(Trick):
    """Decays the learning rate along half a cosine until the end of the run (Loshchilov & Hutter, 2016).

        minimum + (learning_rate - minimum) * (1 + cos(pi * step / steps)) / 2

    `step` counts updates from the end of the warmup. The first update uses the full rate; the last one is one step
    short of `minimum`, so no update is wasted on a rate of zero. The schedule is Keras' own `CosineDecay`.

    Args:
        minimum: Learning rate (not a fraction) that the curve falls to; at least 0 and below the rate it starts from.

    Raises:
        ValueError: If `minimum` is out of its range, or another decay comes before this one.

    Reference: arXiv:1608.03983; He et al., 2018, arXiv:1812.01187, section 5.1.
    """

    minimum: float = 0.0

    def __post_init__(self):
        if self.minimum < 0:
            raise ValueError(f"`minimum` must be at least 0. Received: minimum={self.minimum}")

    def learning_rate(self, learning_rate, plan):
        def make(rate, left):
            if self.minimum >= rate:
                raise ValueError(
                    "CosineDecay must end below the rate it starts from. "
                    f"Received: minimum={self.minimum}, learning_rate={rate}"
                )
            return keras.optimizers.schedules.CosineDecay(rate, left, alpha=self.minimum / rate)

        return learning_rate.decayed(self.name, make)
