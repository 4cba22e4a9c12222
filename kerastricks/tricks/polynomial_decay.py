"""The learning rate falls as a power of the steps that remain."""

import dataclasses

import keras

from kerastricks.training.trick import Trick


@dataclasses.dataclass(frozen=True)
class PolynomialDecay(Trick):
    """Decays the learning rate as a power of the fraction of steps that remain; linearly by default.

        minimum + (learning_rate - minimum) * (1 - step / steps) ** power

    The schedule is Keras' own `PolynomialDecay`.

    Args:
        power: Exponent, positive.
        minimum: Learning rate (not a fraction) that the curve falls to; at least 0 and below the rate it starts from.

    Raises:
        ValueError: If a number is out of its range, or another decay comes before this one.
    """

    power: float = 1.0
    minimum: float = 0.0

    def __post_init__(self):
        if not 0 < self.power < float("inf"):
            raise ValueError(f"`power` must be positive. Received: power={self.power}")
        if not self.minimum >= 0:
            raise ValueError(f"`minimum` must be at least 0. Received: minimum={self.minimum}")

    def learning_rate(self, learning_rate, plan):
        def make(rate, left):
            if self.minimum >= rate:
                raise ValueError(
                    "PolynomialDecay must end below the rate it starts from. "
                    f"Received: minimum={self.minimum}, learning_rate={rate}"
                )
            return keras.optimizers.schedules.PolynomialDecay(rate, left, self.minimum, self.power)

        return learning_rate.decayed(self.name, make)
